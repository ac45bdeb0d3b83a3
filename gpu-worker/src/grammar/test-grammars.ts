import { join } from "node:path";

import { openCheckpoint } from "../checkpoint.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";
import type { GrammarConstraint } from "./grammar-constraint.ts";
import { Grammars } from "./grammars.ts";
import type { GrammarOptions } from "./grammars.ts";
import { tokenTable } from "./token-table.ts";

const SHAPES = join(import.meta.dirname, "../../../models/qwen3-vl-shapes");

/** Grammars over the vocabulary of the model that ships with the repository. */
export class TestGrammars {
  readonly grammars: Grammars;
  readonly tokenizer: Tokenizer;
  readonly endTokenIds: readonly number[];
  readonly #vocabSize: number;

  private constructor(
    grammars: Grammars,
    tokenizer: Tokenizer,
    endTokenIds: readonly number[],
    vocabSize: number,
  ) {
    this.grammars = grammars;
    this.tokenizer = tokenizer;
    this.endTokenIds = endTokenIds;
    this.#vocabSize = vocabSize;
  }

  static async open(options: GrammarOptions = {}): Promise<TestGrammars> {
    const { tokenizer, config, generation } = await openCheckpoint(SHAPES);
    const { vocabSize } = config.text;
    const { eosTokenIds: endTokenIds } = generation;
    const grammars = new Grammars(tokenTable(tokenizer, { vocabSize, endTokenIds }), options);
    return new TestGrammars(grammars, tokenizer, endTokenIds, vocabSize);
  }

  /** Whether a text is one of a grammar's, token by token, and may end. */
  async accepts(source: string, text: string): Promise<boolean> {
    await this.grammars.check(source);
    using constraint = this.grammars.constraint(source);
    for (const tokenId of this.tokenizer.encodeText(text)) {
      if (!(await this.allowed(constraint)).includes(tokenId)) {
        return false;
      }
      constraint.accept(tokenId);
    }
    const last = await this.allowed(constraint);
    return this.endTokenIds.every((tokenId) => last.includes(tokenId));
  }

  /** Tokens that may come next. */
  async allowed(constraint: GrammarConstraint): Promise<number[]> {
    await constraint.ready();
    const logits = new Float32Array(this.#vocabSize);
    constraint.apply(logits);
    return [...logits.keys()].filter((tokenId) => logits[tokenId] === 0);
  }
}
