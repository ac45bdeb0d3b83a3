import type { LogitsRule } from "./logits-rule.ts";
import type { Thought } from "./thought.ts";

/** Ends a thought, when it has as many tokens as it may, by forcing the tokens that close it. */
export class ThinkingBudget implements LogitsRule {
  readonly #budget: number;
  readonly #thought: Thought;
  readonly #ending: readonly number[];
  #seen = 0;
  /** Where in the answer the forced tokens begin. */
  #begin: number | undefined;

  /**
   * @param thought of this rule's own: it is told of every token here
   * @param ending tokens that lead to the closing tag, and it
   */
  constructor(budget: number, thought: Thought, ending: readonly number[]) {
    this.#budget = budget;
    this.#thought = thought;
    this.#ending = ending;
  }

  apply(logits: Float32Array, outputIds: readonly number[]): void {
    for (; this.#seen < outputIds.length; this.#seen++) {
      this.#thought.push(outputIds[this.#seen] ?? -1);
    }
    if (this.#thought.isOpen && this.#thought.tokens >= this.#budget) {
      this.#begin ??= outputIds.length;
    }
    const forced =
      this.#begin === undefined ? undefined : this.#ending[outputIds.length - this.#begin];
    if (forced !== undefined) {
      logits.fill(-Infinity);
      logits[forced] = 0;
    }
  }
}
