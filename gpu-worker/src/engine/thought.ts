/** The tokens between which a checkpoint thinks. */
export interface ThoughtTags {
  open: number;
  close: number;
}

/** What a token is to a thought: one of its tags, within it, or not of it. */
export type ThoughtPart = "tag" | "within" | "outside";

/**
 * Follows the one thought of an answer token by token. It is open from the start when the prompt
 * ends with its opening tag, or opens with the answer's first token; nothing later opens one.
 */
export class Thought {
  readonly #tags: ThoughtTags | undefined;
  #state: "not begun" | "open" | "closed";
  #tokens = 0;

  /** @param tags undefined for a checkpoint that has none */
  constructor(tags: ThoughtTags | undefined, isOpen: boolean) {
    this.#tags = tags;
    this.#state = tags === undefined ? "closed" : isOpen ? "open" : "not begun";
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Tokens within it so far, without its tags. */
  get tokens(): number {
    return this.#tokens;
  }

  push(tokenId: number): ThoughtPart {
    if (this.#state === "open") {
      if (tokenId === this.#tags?.close) {
        this.#state = "closed";
        return "tag";
      }
      this.#tokens++;
      return "within";
    }
    if (this.#state === "not begun") {
      this.#state = tokenId === this.#tags?.open ? "open" : "closed";
      return this.#state === "open" ? "tag" : "outside";
    }
    return "outside";
  }
}
