import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { expect, it } from "vitest";

import { conversationKey } from "./conversation-key.ts";

const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const picture = (url: string) => [
  { type: "image_url", image_url: { url } },
  { type: "text", text: "What is it?" },
];

function keyOf(messages: readonly unknown[], { tenant = "t", model = "m" } = {}): string {
  return conversationKey(tenant, parseChatRequest({ model, messages }), (url) => url);
}

it("all turns of a conversation have one key", () => {
  const opening = [{ role: "system", content: "Be brief." }, user(picture("cid:1"))];
  const next = [...opening, assistant("A cat."), user("And its colour?")];
  expect(keyOf(next)).toBe(keyOf(opening));
});

it.each([
  ["tenants", keyOf([user("a")]), keyOf([user("a")], { tenant: "u" })],
  ["models", keyOf([user("a")]), keyOf([user("a")], { model: "n" })],
  ["questions", keyOf([user("a")]), keyOf([user("b")])],
  ["pictures", keyOf([user(picture("cid:1"))]), keyOf([user(picture("cid:2"))])],
  [
    "ends of long texts",
    keyOf([user(`${"x".repeat(9000)}a`)]),
    keyOf([user(`${"x".repeat(9000)}b`)]),
  ],
])("other %s have others", (_, one, other) => {
  expect(one).not.toBe(other);
});

it("a medium is known by its content, not by its place in the request", () => {
  const request = parseChatRequest({ model: "m", messages: [user(picture("cid:media-0"))] });
  expect(conversationKey("t", request, () => "digest")).toContain("digest");
  expect(conversationKey("t", request, () => "digest")).not.toContain("media-0");
});

it("long texts make no long key", () => {
  expect(keyOf([user("x".repeat(1e6))]).length).toBeLessThan(5000);
});
