import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { THINKING_TEMPLATE } from "../../gpu-worker/src/prompt/test-thinking-template.ts";
import { SCENE, ask } from "../support/evaluation.ts";
import type { Messages } from "../support/evaluation.ts";
import { startSystem } from "../support/running-system.ts";
import type { RunningSystem } from "../support/running-system.ts";
import { usageRecords } from "../support/usage-records.ts";

const MODEL = "shapes-thinking";
const SHAPES = resolve(import.meta.dirname, "../../models/qwen3-vl-shapes");
const CLOSING = "I have to give the solution based on the thinking directly now.";

/** Fields that OpenAI's types do not know. */
const Thought = z.object({ reasoning_content: z.string().optional() });

const AnyMessages = z.custom<Messages>();

let folder: string;
let system: RunningSystem;
let client: OpenAI;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-thinking-"));
  system = await startSystem({ env: { MODEL: await makeThinkingCheckpoint(folder) } });
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

/** The model that ships, with a template that opens a thought: what it then thinks is nonsense. */
async function makeThinkingCheckpoint(parent: string): Promise<string> {
  const checkpoint = join(parent, MODEL);
  await mkdir(checkpoint);
  for (const name of await readdir(SHAPES)) {
    if (!name.startsWith("chat_template")) {
      await symlink(join(SHAPES, name), join(checkpoint, name));
    }
  }
  await writeFile(join(checkpoint, "chat_template.jinja"), THINKING_TEMPLATE);
  return checkpoint;
}

const request = {
  model: MODEL,
  messages: ask("Describe this image.", SCENE),
  max_tokens: 150,
  thinking_budget: 4, // not a field of OpenAI's types
};

describe("a thinking checkpoint through the official client", () => {
  it("thinks within its budget, then answers; whole and streamed alike, and its thought is billed", async () => {
    const whole = await client.chat.completions.create(request);
    const message = whole.choices[0]?.message;
    const { reasoning_content: thought = "" } = Thought.parse(message);
    expect(thought).toContain(CLOSING);
    expect(message?.content).not.toContain("think>");
    const reasoningTokens = whole.usage?.completion_tokens_details?.reasoning_tokens ?? 0;
    expect(reasoningTokens).toBeGreaterThan(4);
    expect(reasoningTokens).toBeLessThan(whole.usage?.completion_tokens ?? 0);

    const stream = client.chat.completions.stream({
      ...request,
      stream_options: { include_usage: true },
    });
    const thoughts: string[] = [];
    stream.on("chunk", ({ choices }) => {
      thoughts.push(Thought.parse(choices[0]?.delta ?? {}).reasoning_content ?? "");
    });
    expect(await stream.finalContent()).toBe(message?.content);
    expect(thoughts.join("")).toBe(thought);
    expect((await stream.totalUsage()).completion_tokens_details).toEqual(
      whole.usage?.completion_tokens_details,
    );

    await expect
      .poll(() => usageRecords(system.stateFolder).map((record) => record.reasoning_tokens))
      .toEqual([reasoningTokens, reasoningTokens]);
  });

  it("takes its thought back with a tool's result", async () => {
    const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
    const turn = { role: "assistant", reasoning_content: "A heart.", tool_calls: [call] };
    const result = { role: "tool", tool_call_id: "c", content: "ok" };
    const promptTokens = async (assistant: object) => {
      const messages = AnyMessages.parse([...request.messages, assistant, result]);
      const { usage } = await client.chat.completions.create({ ...request, messages });
      return usage?.prompt_tokens ?? 0;
    };
    const { reasoning_content: _, ...bare } = turn;
    expect(await promptTokens(turn)).toBeGreaterThan(await promptTokens(bare));
  });

  it("refuses not to think", async () => {
    const body = { ...request, enable_thinking: false };
    await expect(client.chat.completions.create(body)).rejects.toMatchObject({
      status: 400,
      param: "enable_thinking",
    });
  });
});
