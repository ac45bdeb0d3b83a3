import { Tokenizer as BpeTokenizer } from "@huggingface/tokenizers";

import { bytesOfSymbols } from "./byte-level.ts";
import { composed } from "./composed-text.ts";
import { LiteralSplitter } from "./literal-splitter.ts";
import { parseTokenizerFiles } from "./tokenizer-files.ts";
import type { AddedToken } from "./tokenizer-files.ts";

/** Byte-level BPE of one checkpoint. Added tokens are recognised only where the caller asks for it. */
export class Tokenizer {
  /** One more than the largest token id; a model's output may be padded beyond it. */
  readonly vocabSize: number;
  /** Texts of the control tokens, which only a chat template may write. */
  readonly specialTokens: readonly string[];
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;

  readonly #bpe: BpeTokenizer;
  readonly #addedByText: ReadonlyMap<string, AddedToken>;
  readonly #addedById: ReadonlyMap<number, AddedToken>;
  readonly #added: LiteralSplitter;
  readonly #addedButSpecial: LiteralSplitter;

  /** Takes the texts of `tokenizer.json` and `tokenizer_config.json`. */
  constructor(tokenizerJson: string, configJson: string) {
    const files = parseTokenizerFiles(tokenizerJson, configJson);
    const { definition, addedTokens } = files;
    // Without added tokens the library cannot find one in a text, whatever the text says.
    this.#bpe = new BpeTokenizer({ ...definition, normalizer: null, added_tokens: [] }, {});
    this.#addedByText = new Map(addedTokens.map((token) => [token.content, token]));
    this.#addedById = new Map(addedTokens.map((token) => [token.id, token]));
    const texts = addedTokens.map(({ content }) => content);
    this.specialTokens = texts.filter((text) => this.#addedByText.get(text)?.special);
    this.#added = new LiteralSplitter(texts);
    this.#addedButSpecial = new LiteralSplitter(
      texts.filter((text) => !this.specialTokens.includes(text)),
    );
    this.vocabSize = 1 + largestId(Object.values(definition.model.vocab), addedTokens);
    this.bosToken = files.bosToken;
    this.eosToken = files.eosToken;
  }

  /** Token ids of a text in which nothing is an added token, so that it cannot forge one. */
  encodePlain(text: string): number[] {
    return text === "" ? [] : this.#bpe.encode(composed(text), { add_special_tokens: false }).ids;
  }

  /** Token ids of a text in which `<think>` and its like are tokens, and special ones are not. */
  encodeText(text: string): number[] {
    return this.#encode(text, this.#addedButSpecial);
  }

  /** Token ids as the reference gives them: every added token is recognised. For trusted text. */
  encodeWithSpecials(text: string): number[] {
    return this.#encode(text, this.#added);
  }

  /** The id of a token, written as in the vocabulary: `<|im_end|>`, `Ġthe`. */
  idOf(token: string): number | undefined {
    return this.#addedByText.get(token)?.id ?? this.#bpe.token_to_id(token);
  }

  /** What a token adds to an answer: often part of a character; nothing beyond the vocabulary. */
  bytesOf(id: number): Uint8Array {
    const added = this.#addedById.get(id);
    return added === undefined
      ? bytesOfSymbols(this.#bpe.id_to_token(id) ?? "")
      : new TextEncoder().encode(added.content);
  }

  isSpecial(id: number): boolean {
    return this.#addedById.get(id)?.special ?? false;
  }

  #encode(text: string, splitter: LiteralSplitter): number[] {
    return splitter
      .split(text)
      .flatMap(({ text: piece, isLiteral }) =>
        isLiteral ? (this.#addedByText.get(piece)?.id ?? []) : this.encodePlain(piece),
      );
  }
}

/** A loop, because 150,000 arguments are too many for `Math.max`. */
function largestId(vocabularyIds: readonly number[], addedTokens: readonly AddedToken[]): number {
  let largest = 0;
  for (const id of [...vocabularyIds, ...addedTokens.map((token) => token.id)]) {
    largest = Math.max(largest, id);
  }
  return largest;
}
