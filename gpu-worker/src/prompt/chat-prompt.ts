import type { ChatRequest } from "@qwen3-vl/shared/chat";

import { badWordTokens } from "./bad-word-tokens.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { writeTimestamps } from "./clip-timestamps.ts";
import { mapTexts } from "./conversation-texts.ts";
import { toConversation } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { mropePositions } from "./positions.ts";
import type { Positions, VisionLayout } from "./positions.ts";
import { isClip, visionBlocks } from "./prompt-media.ts";
import type { PromptMedium, VisionBlock } from "./prompt-media.ts";
import { SpecialTokenGuard, unusedCharacter } from "./special-token-guard.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { expandPlaceholders } from "./vision-placeholders.ts";

/** Everything the engine needs to know of a prompt but its media's features. */
export interface ChatPrompt extends Positions {
  /** The rendered template, with one placeholder a picture or clip. */
  text: string;
  /** Shape [length]; a picture is as many placeholders as it has tokens. */
  tokenIds: Int32Array;
  /** Indices of the tokens that stand for pictures and clips, ascending. */
  visionPlaces: Int32Array;
  imageTokens: number;
  videoTokens: number;
}

/** A prompt, and what else of its request is tokenised. */
export interface RequestPrompt extends ChatPrompt {
  /** Tokens of each spelling of each bad word. */
  badWordIds: readonly (readonly number[])[];
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

  /** The prompt of a request with these media, in the order of their parts. */
  fromRequest(request: ChatRequest, media: readonly PromptMedium[]): RequestPrompt {
    return {
      ...this.fromConversation(toConversation(request), media),
      badWordIds: badWordTokens(request.bad_words ?? [], this.#tokenizer),
    };
  }

  fromConversation(conversation: Conversation, media: readonly PromptMedium[]): ChatPrompt {
    const { placeholders, mergeSize } = this.#layout;
    const blocks = visionBlocks(media, mergeSize);
    const { text, tokenIds: unexpanded } = this.#encode(conversation, media);
    const tokenIds = expandPlaceholders(unexpanded, placeholders, blocks);
    const isVision = (id: number) => id === placeholders.image || id === placeholders.video;
    return {
      text,
      tokenIds,
      ...mropePositions(tokenIds, blocks, this.#layout),
      visionPlaces: Int32Array.from(tokenIds.keys()).filter((place) =>
        isVision(tokenIds[place] ?? -1),
      ),
      imageTokens: countTokens(blocks, "image"),
      videoTokens: countTokens(blocks, "video"),
    };
  }

  #encode(
    conversation: Conversation,
    media: readonly PromptMedium[],
  ): { text: string; tokenIds: number[] } {
    const mark = unusedCharacter(JSON.stringify(conversation), this.#template.source);
    const guarded = mapTexts(conversation, (text) => this.#guard.protect(text, mark));
    const pieces = this.#guard.split(this.#template.render(guarded), mark);
    return {
      text: pieces.map((piece) => piece.text).join(""),
      tokenIds: writeTimestamps(pieces, media.filter(isClip)).flatMap(({ text, isLiteral }) =>
        isLiteral ? (this.#tokenizer.idOf(text) ?? []) : this.#tokenizer.encodeText(text),
      ),
    };
  }
}

function countTokens(blocks: readonly VisionBlock[], kind: VisionBlock["kind"]): number {
  return blocks.reduce((sum, block) => sum + (block.kind === kind ? block.tokens : 0), 0);
}
