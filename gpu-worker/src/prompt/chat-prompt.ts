import type { ChatRequest } from "@qwen3-vl/shared/chat";

import { tokensOf } from "../vision/grid.ts";
import type { Grid } from "../vision/grid.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { mapTexts } from "./conversation-texts.ts";
import { toConversation } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { mropePositions } from "./positions.ts";
import type { Positions, VisionLayout } from "./positions.ts";
import { SpecialTokenGuard, unusedCharacter } from "./special-token-guard.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { expandPlaceholders } from "./vision-placeholders.ts";

/** Everything the engine needs to know of a prompt but its pictures' embeddings. */
export interface ChatPrompt extends Positions {
  /** The rendered template, with one placeholder a picture. */
  text: string;
  /** Shape [length]; a picture is as many placeholders as it has tokens. */
  tokenIds: Int32Array;
  /** How many of the tokens stand for pictures. */
  imageTokens: number;
}

/** Turns conversations into prompts of one checkpoint. */
export class ChatPrompter {
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #layout: VisionLayout;
  readonly #guard: SpecialTokenGuard;

  constructor(tokenizer: Tokenizer, template: ChatTemplate, layout: VisionLayout) {
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#layout = layout;
    this.#guard = new SpecialTokenGuard(tokenizer.specialTokens);
  }

  /** The prompt of a request whose pictures have these grids, in the order of `imageParts`. */
  fromRequest(request: ChatRequest, grids: readonly Grid[]): ChatPrompt {
    return this.fromConversation(toConversation(request), grids);
  }

  fromConversation(conversation: Conversation, grids: readonly Grid[]): ChatPrompt {
    const { text, tokenIds: unexpanded } = this.#encode(conversation);
    const tokensPerPicture = grids.map((grid) => tokensOf(grid, this.#layout.mergeSize));
    const tokenIds = expandPlaceholders(unexpanded, this.#layout.imageToken, tokensPerPicture);
    return {
      text,
      tokenIds,
      ...mropePositions(tokenIds, grids, this.#layout),
      imageTokens: tokensPerPicture.reduce((sum, tokens) => sum + tokens, 0),
    };
  }

  #encode(conversation: Conversation): { text: string; tokenIds: number[] } {
    const mark = unusedCharacter(JSON.stringify(conversation), this.#template.source);
    const guarded = mapTexts(conversation, (text) => this.#guard.protect(text, mark));
    const pieces = this.#guard.split(this.#template.render(guarded), mark);
    return {
      text: pieces.map((piece) => piece.text).join(""),
      tokenIds: pieces.flatMap(({ text, isLiteral }) =>
        isLiteral ? (this.#tokenizer.idOf(text) ?? []) : this.#tokenizer.encodeText(text),
      ),
    };
  }
}
