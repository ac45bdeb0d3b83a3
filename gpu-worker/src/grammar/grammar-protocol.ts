import * as z from "zod";

/** What the grammar thread is asked; it answers each in order. */
export type GrammarCall =
  /** Reads the vocabulary; the first answer says that the thread is ready. */
  | { type: "open" }
  /** Compiles a grammar of EBNF and forgets it. */
  | { type: "try"; source: string }
  /** Begins a text; `mask` is written for the token after these. */
  | {
      type: "begin";
      id: number;
      source: string;
      mask: SharedArrayBuffer;
      tokenIds: readonly number[];
    }
  /** The next token of a text; then its mask is written. */
  | { type: "accept"; id: number; tokenId: number }
  | { type: "end"; id: number };

/** Undefined `failure`: it is done. A thread that failed is not to be used again. */
export const GrammarReply = z.object({ failure: z.string().optional() });
export type GrammarReply = z.infer<typeof GrammarReply>;
