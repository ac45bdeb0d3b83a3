import OpenAI from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { MODEL, ask, askAbout, exampleUrl, pictureUrl } from "../support/evaluation.ts";
import type { Messages } from "../support/evaluation.ts";
import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

type Tool = OpenAI.Chat.ChatCompletionFunctionTool;

const CLICK = {
  type: "function",
  function: {
    name: "click",
    description: "Click a point of the image.",
    parameters: {
      type: "object",
      properties: { x: { type: "integer" }, y: { type: "integer" } },
      required: ["x", "y"],
    },
  },
} satisfies Tool;

/** A black triangle among other shapes, and where the reference clicks it. */
const messages = ask("Click the black triangle.", "035-0.png");
const ARGUMENTS = '{"x": 814, "y": 591}';
const request = { model: MODEL, messages, tools: [CLICK], temperature: 0 };

/** The README's picture, and where its star is, in thousandths of it. */
const clickStar = askAbout("Click the red star.", exampleUrl());
const STAR = { x: 268, y: 280, radius: 90 };
const Point = z.object({ x: z.number(), y: z.number() });

/** OpenAI's own tools answer with text alone. */
const AnyMessages = z.custom<Messages>();

let system: SharedSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await sharedSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});

describe("a tool call through the official client", () => {
  it("comes back as a call with an id, a name and the model's own arguments", async () => {
    const { choices } = await client.chat.completions.create(request);
    expect(choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: {
        content: null,
        tool_calls: [
          {
            id: expect.stringMatching(/^call_[\da-f]{32}$/),
            type: "function",
            function: { name: "click", arguments: ARGUMENTS },
          },
        ],
      },
    });
  });

  it("streams the name first and the arguments as they come", async () => {
    const stream = await client.chat.completions.create({ ...request, stream: true });
    const chunks = await Array.fromAsync(stream);
    const parts = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    const [first, ...rest] = parts;
    expect(first).toEqual({
      index: 0,
      id: expect.stringMatching(/^call_/),
      type: "function",
      function: { name: "click", arguments: "" },
    });
    expect(rest.length).toBeGreaterThan(5);
    expect(rest.every(({ index, id, type }) => index === 0 && id === undefined && !type)).toBe(
      true,
    );
    expect(rest.map((part) => part.function?.arguments).join("")).toBe(ARGUMENTS);
    expect(chunks.every(({ choices }) => (choices[0]?.delta.content ?? "") === "")).toBe(true);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("is put together by the client's stream helper", async () => {
    const stream = client.chat.completions.stream(request);
    const arrived: unknown[] = [];
    stream.on("tool_calls.function.arguments.done", (event) =>
      arrived.push(event.parsed_arguments),
    );
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]?.message.tool_calls).toMatchObject([
      { function: { name: "click", arguments: ARGUMENTS } },
    ]);
    expect(arrived).toHaveLength(1);
  });

  it.each([true, false])("goes round in the client's tool loop, streamed: %s", async (stream) => {
    const clicks: unknown[] = [];
    const click = {
      type: "function" as const,
      function: {
        ...CLICK.function,
        parse: (text: string): unknown => JSON.parse(text),
        function: (point: unknown) => {
          clicks.push(point);
          return "clicked";
        },
      },
    };
    const options = { maxChatCompletions: 2 };
    const body = { ...request, messages: clickStar, tools: [click] };
    const runner = stream
      ? client.chat.completions.runTools({ ...body, stream: true }, options)
      : client.chat.completions.runTools(body, options);
    await runner.done();
    const { x, y } = Point.parse(clicks[0]);
    expect(Math.hypot(x - STAR.x, y - STAR.y)).toBeLessThan(STAR.radius);
    expect(runner.messages.slice(1, 3)).toMatchObject([
      { role: "assistant", tool_calls: [{ function: { name: "click" } }] },
      { role: "tool", content: "clicked" },
    ]);
    expect(runner.allChatCompletions()).toHaveLength(2);
  });

  it("takes a picture as a tool's result", async () => {
    const call = {
      id: "call_1",
      type: "function",
      function: { name: "zoom", arguments: "{}" },
    } as const;
    const picture = { type: "image_url", image_url: { url: pictureUrl("059-0.png") } };
    const result = { role: "tool", tool_call_id: call.id, content: [picture] };
    const asked = ask("Zoom in and describe this image.");
    const body = {
      model: MODEL,
      messages: [...asked, { role: "assistant", content: null, tool_calls: [call] }, result],
    };
    const { usage } = await client.chat.completions.create({
      ...body,
      messages: AnyMessages.parse(body.messages),
    });
    expect(usage?.prompt_tokens_details).toMatchObject({ image_tokens: 36 });
  });

  it("is cut where max_tokens cuts it, and says so", async () => {
    const { choices } = await client.chat.completions.create({ ...request, max_tokens: 18 });
    const [call] = choices[0]?.message.tool_calls ?? [];
    expect(choices[0]?.finish_reason).toBe("length");
    const cut = call?.type === "function" ? call.function.arguments : "";
    expect(cut).not.toBe("");
    expect(ARGUMENTS.startsWith(cut) && cut.length < ARGUMENTS.length).toBe(true);
  });
});

describe("tool_choice", () => {
  it("none does not show the tools to the model", async () => {
    const withTools = await client.chat.completions.create({ ...request, tool_choice: "none" });
    const { tools: _, ...bare } = request;
    const without = await client.chat.completions.create(bare);
    expect(withTools.choices[0]?.message).toEqual(without.choices[0]?.message);
    expect(withTools.usage?.prompt_tokens).toBe(without.usage?.prompt_tokens);
  });

  it("with parallel_tool_calls false ends the answer with the first call", async () => {
    const { choices, usage } = await client.chat.completions.create({
      ...request,
      parallel_tool_calls: false,
    });
    expect(choices[0]?.finish_reason).toBe("tool_calls");
    expect(choices[0]?.message.tool_calls).toHaveLength(1);
    expect(usage?.completion_tokens).toBe(28); // one less than with the end token
  });

  const describeIt = { ...request, messages: ask("Describe this image.", "035-0.png") };
  const OPEN = {
    type: "function",
    function: {
      name: "open",
      parameters: {
        type: "object",
        properties: { how: { enum: ["slowly", "fast"] } },
        required: ["how"],
      },
    },
  } satisfies Tool;

  it("required makes a question that needs no call into calls of the tools, with valid arguments", async () => {
    const { choices } = await client.chat.completions.create({
      ...describeIt,
      tools: [CLICK, OPEN],
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    const [call] = choices[0]?.message.tool_calls ?? [];
    expect(choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
    expect(call?.type === "function" && Call.safeParse(call.function).success).toBe(true);
  });

  it("of a name makes it a call of that function, streamed and with any seed", async () => {
    for (const seed of [1, 2, 3]) {
      const stream = client.chat.completions.stream({
        ...describeIt,
        tools: [CLICK, OPEN],
        tool_choice: { type: "function", function: { name: "open" } },
        parallel_tool_calls: false,
        temperature: 1,
        seed,
      });
      const { choices } = await stream.finalChatCompletion();
      const [call] = choices[0]?.message.tool_calls ?? [];
      expect(call).toMatchObject({
        function: {
          name: "open",
          arguments: expect.stringMatching(/^\{\s*"how":\s*"(slowly|fast)"\s*\}$/),
        },
      });
    }
  });

  it("auto beside a form of the answer allows both, and nothing else", async () => {
    const schema = {
      type: "object",
      properties: { shapes: { type: "integer" } },
      required: ["shapes"],
    };
    const response_format = {
      type: "json_schema",
      json_schema: { name: "count", schema },
    } as const;
    const called = await client.chat.completions.create({ ...request, response_format });
    expect(called.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: "click" },
    });
    const described = await client.chat.completions.create({ ...describeIt, response_format });
    const { content, tool_calls: calls } = described.choices[0]?.message ?? {};
    const shown: unknown = calls?.[0] ?? JSON.parse(content ?? "");
    const Answer = z.union([
      z.strictObject({ shapes: z.int() }),
      z.object({ type: z.literal("function") }),
    ]);
    expect(Answer.safeParse(shown).success).toBe(true);
  });
});

/** What `click` and `open` may be called with. */
const Call = z.union([
  z.object({ name: z.literal("click"), arguments: z.string().regex(/^\{\s*"x":\s*-?\d+,\s*"y":/) }),
  z.object({ name: z.literal("open"), arguments: z.string().regex(/"(slowly|fast)"/) }),
]);
