import { ChatCompletion, ChatCompletionChunk } from "@qwen3-vl/shared/chat-completion";
import { RequestRecord, abortPath } from "@qwen3-vl/shared/worker-protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { EngineGenerator } from "../engine/generator.ts";
import type { Model, ModelRow, VisionFeatures } from "../engine/model.ts";
import { MessageBuilder } from "../output/message-builder.ts";
import { shapesTokenizer } from "../prompt/test-checkpoint.ts";
import { HYBRID_TEMPLATE, THINKING_TEMPLATE } from "../prompt/test-thinking-template.ts";
import { open, send } from "./test-calls.ts";
import { TestWorker, chatCall, signed } from "./test-worker.ts";

const tokenizer = shapesTokenizer();
const CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>';
const CUT = "I have to give the solution based on the thinking directly now.";
const tools = [{ type: "function", function: { name: "f" } }];

/** A model that writes one text, then ends; nothing that is forced on it changes what it wants. */
class ScriptedModel implements Model {
  readonly slots = 1;
  readonly slotCapacity = 512;
  readonly tokenBudget = 512;
  readonly #script: readonly number[];
  #written = 0;

  constructor(text: string) {
    this.#script = [...tokenizer.encodeText(text), tokenizer.idOf("<|im_end|>") ?? -1];
  }

  encode(): Promise<VisionFeatures> {
    return Promise.reject(new Error("it sees no pictures"));
  }

  copyPrefix(): void {
    // no slot holds anything
  }

  clearSlot(): void {
    // no slot holds anything
  }

  async forward(rows: readonly ModelRow[]) {
    await new Promise(setImmediate);
    return rows.map(({ wantsLogits }) => (wantsLogits ? this.#next() : undefined));
  }

  #next(): Float32Array {
    const logits = new Float32Array(tokenizer.vocabSize);
    logits[this.#script[this.#written++] ?? 0] = 1;
    return logits;
  }
}

let worker: TestWorker;
let hybrid: TestWorker;
beforeAll(async () => {
  worker = await TestWorker.start({ template: THINKING_TEMPLATE });
  hybrid = await TestWorker.start({ template: HYBRID_TEMPLATE });
});
afterAll(async () => {
  await Promise.all([worker.stop(), hybrid.stop()]);
});

function willWrite(text: string, by = worker): void {
  by.answer = (request, signal) =>
    new EngineGenerator(new ScriptedModel(text)).generate(request, signal);
}

async function whole(text: string, fields: object = {}, by = worker) {
  willWrite(text, by);
  const answer = await send(by, await chatCall({ body: { max_tokens: 200, ...fields } }));
  const { choices, usage } = ChatCompletion.parse(JSON.parse(answer.text));
  const [choice] = choices;
  return { ...choice?.message, reason: choice?.finish_reason, usage, headers: answer.headers };
}

/** The message that a stream's chunks make, and all that it said. */
async function streamed(text: string, fields: object = {}) {
  willWrite(text);
  const body = {
    max_tokens: 200,
    stream: true,
    stream_options: { include_usage: true },
    ...fields,
  };
  const { text: lines } = await send(worker, await chatCall({ body }));
  const chunks = lines
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => ChatCompletionChunk.parse(JSON.parse(line.slice("data: ".length))));
  const builder = new MessageBuilder();
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  for (const delta of deltas) {
    builder.add(delta);
  }
  return { ...builder.message(), deltas, lines, usage: chunks.at(-1)?.usage };
}

const tokensOf = (text: string) => tokenizer.encodeText(text).length;

describe("the answer of a thinking checkpoint", () => {
  const thought = "I see a red star.\nIt is red.\n";
  const text = `${thought}</think>\n\nRed.`;

  it("is parted into reasoning_content and content, and its thought is counted in tokens", async () => {
    const { headers, usage, ...message } = await whole(text);
    expect(message).toMatchObject({
      reasoning_content: "I see a red star.\nIt is red.",
      content: "Red.",
      reason: "stop",
    });
    expect(usage).toMatchObject({
      completion_tokens: tokensOf(text) + 1,
      completion_tokens_details: { reasoning_tokens: tokensOf(thought) },
    });
    expect(headers["x-reasoning-tokens"]).toBe(String(tokensOf(thought)));
  });

  it("streams the thought first, with comments of its tokens for the meter", async () => {
    const { deltas, lines, usage, ...message } = await streamed(text);
    const { reason: _, headers: __, usage: wholeUsage, ...same } = await whole(text);
    expect(message).toEqual(same);
    const kinds = deltas.flatMap(Object.keys).filter((key) => key !== "role");
    expect(kinds.join(" ")).toMatch(/^content (reasoning_content )+(content ?)+$/);
    expect(usage?.completion_tokens_details).toEqual(wholeUsage.completion_tokens_details);
    expect(lines.match(/^: reasoning=\d+$/gmu)?.at(-1)).toBe(`: reasoning=${tokensOf(thought)}`);
  });

  it("holds calls after the thought, and what looks like one within it is thought", async () => {
    const { reasoning_content, content, tool_calls, reason } = await whole(
      `Shall I ${CALL}?\n</think>\n\n${CALL}`,
      { tools },
    );
    expect({ reasoning_content, content, reason }).toEqual({
      reasoning_content: `Shall I ${CALL}?`,
      content: null,
      reason: "tool_calls",
    });
    expect(tool_calls).toMatchObject([{ function: { name: "f", arguments: '{"a": 1}' } }]);
  });

  it("is not stopped by what it thinks", async () => {
    const { reasoning_content, content } = await whole(`A red\n</think>\n\nA red star.`, {
      stop: " red",
    });
    expect({ reasoning_content, content }).toEqual({ reasoning_content: "A red", content: "A" });
  });

  it("that max_tokens cuts within the thought has no content", async () => {
    const message = await whole(text, { max_tokens: 3 });
    expect(message).toMatchObject({ content: "", reason: "length" });
    expect(message.usage.completion_tokens_details.reasoning_tokens).toBe(3);
    expect(thought.startsWith(message.reasoning_content ?? "absent")).toBe(true);
  });

  it("counts the thought of a request that is aborted", async () => {
    willWrite("a red star ".repeat(100));
    const id = "thinks-too-long";
    const { response } = await open(
      worker,
      await chatCall({ id, body: { stream: true, max_tokens: 400 } }),
    );
    for await (const chunk of response) {
      if (String(chunk).includes("reasoning_content")) {
        break;
      }
    }
    const { text: record } = await send(
      worker,
      await signed({ method: "POST", path: abortPath(id) }),
    );
    const { usage } = RequestRecord.parse(JSON.parse(record));
    expect(usage.completion_tokens).toBeGreaterThan(0);
    expect(usage.completion_tokens_details.reasoning_tokens).toBe(usage.completion_tokens);
  });
});

describe("thinking_budget", () => {
  const endless = "a red star ".repeat(20);

  it.each([1, 5])(
    "of %i tokens brings the thought to its end, and the answer goes on",
    async (budget) => {
      const { reasoning_content, content } = await whole(endless, { thinking_budget: budget });
      const [shown = "", rest] = reasoning_content?.split("\n\nConsidering") ?? [];
      expect(tokensOf(shown)).toBe(budget);
      expect(rest).toContain(CUT);
      expect(content).toContain("red star");
    },
  );

  it("of 0 leaves no thought", async () => {
    const message = await whole(`xy${endless}`, { thinking_budget: 0 });
    expect(message).not.toHaveProperty("reasoning_content");
    expect(message.content).toContain("red star");
  });

  it("that is not reached changes nothing", async () => {
    const message = await whole("Hm.\n</think>\n\nRed.", { thinking_budget: 100 });
    expect(message).toMatchObject({ reasoning_content: "Hm.", content: "Red." });
  });
});

describe("enable_thinking", () => {
  it("false is refused by a checkpoint that always thinks", async () => {
    const { status, text } = await send(
      worker,
      await chatCall({ body: { enable_thinking: false } }),
    );
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      error: { param: "enable_thinking", message: expect.stringContaining("always thinks") },
    });
  });

  it("false has one that can do both answer at once", async () => {
    const message = await whole("Red.", { enable_thinking: false }, hybrid);
    expect(message).toMatchObject({ content: "Red.", reason: "stop" });
    expect(message).not.toHaveProperty("reasoning_content");
    expect(message.usage.completion_tokens_details.reasoning_tokens).toBe(0);
  });

  it("leaves a thought that the model opens itself a thought", async () => {
    const message = await whole(
      "<think>\nHm.\n</think>\n\nRed.",
      { enable_thinking: false },
      hybrid,
    );
    expect(message).toMatchObject({ reasoning_content: "Hm.", content: "Red." });
  });
});
