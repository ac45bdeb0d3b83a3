import type { CompiledGrammar, GrammarCompiler, GrammarMatcher } from "@mlc-ai/web-xgrammar";

import type { GrammarCall } from "./grammar-protocol.ts";
import { KeptGrammars } from "./kept-grammars.ts";
import { loadXgrammar } from "./load-xgrammar.ts";
import type { Xgrammar } from "./load-xgrammar.ts";
import type { TokenTable } from "./token-table.ts";

interface WrittenText {
  matcher: GrammarMatcher;
  mask: Int32Array;
}

/** Grammars and texts of one thread, over the library. What it throws makes the whole of it suspect. */
export class GrammarEngine {
  readonly #library: Xgrammar;
  readonly #compiler: GrammarCompiler;
  readonly #kept = new KeptGrammars<CompiledGrammar>();
  readonly #texts = new Map<number, WrittenText>();

  private constructor(library: Xgrammar, compiler: GrammarCompiler) {
    this.#library = library;
    this.#compiler = compiler;
  }

  static async open({ tokens, vocabSize, endTokenIds }: TokenTable): Promise<GrammarEngine> {
    const library = loadXgrammar();
    const vocabulary = await library.TokenizerInfo.createTokenizerInfo(
      [...tokens],
      "byte_level",
      false,
      vocabSize,
      [...endTokenIds],
    );
    // Its own cache has no bound.
    return new GrammarEngine(
      library,
      await library.GrammarCompiler.createGrammarCompiler(vocabulary, false),
    );
  }

  async run(call: GrammarCall): Promise<void> {
    switch (call.type) {
      case "open":
        return;
      case "try":
        (await this.#compile(call.source)).dispose();
        return;
      case "begin":
        await this.#begin(call);
        return;
      case "accept":
        await this.#accept(call);
        return;
      case "end":
        this.#texts.get(call.id)?.matcher.dispose();
        this.#texts.delete(call.id);
    }
  }

  async #begin(call: Extract<GrammarCall, { type: "begin" }>): Promise<void> {
    const grammar = await this.#grammar(call.source);
    const matcher = await this.#library.GrammarMatcher.createGrammarMatcher(grammar);
    const text = { matcher, mask: new Int32Array(call.mask) };
    this.#texts.set(call.id, text);
    for (const tokenId of call.tokenIds) {
      acceptToken(text, tokenId);
    }
    await writeMask(text);
  }

  async #accept({ id, tokenId }: Extract<GrammarCall, { type: "accept" }>): Promise<void> {
    const text = this.#texts.get(id);
    if (text === undefined) {
      throw new Error(`no text ${id} was begun`);
    }
    acceptToken(text, tokenId);
    await writeMask(text);
  }

  async #grammar(source: string): Promise<CompiledGrammar> {
    const grammar = this.#kept.get(source) ?? (await this.#compile(source));
    for (const givenUp of this.#kept.use(source, grammar)) {
      givenUp.dispose(); // a matcher holds on to its grammar, so that texts being written lose nothing
    }
    return grammar;
  }

  async #compile(source: string): Promise<CompiledGrammar> {
    const grammar = await this.#library.Grammar.fromEBNF(source);
    const compiled = await this.#compiler.compileGrammar(grammar);
    grammar.dispose();
    return compiled;
  }
}

function acceptToken({ matcher }: WrittenText, tokenId: number): void {
  if (!matcher.isTerminated() && !matcher.acceptToken(tokenId)) {
    throw new Error(`the grammar does not allow token ${tokenId}`);
  }
}

/** One bit a token, in words of 32; behind the end, nothing is asked any more. */
async function writeMask({ matcher, mask }: WrittenText): Promise<void> {
  if (!matcher.isTerminated()) {
    mask.set(await matcher.getNextTokenBitmask());
  }
}
