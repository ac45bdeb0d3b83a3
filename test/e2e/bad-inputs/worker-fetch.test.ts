/** List A once more, where the GPU worker fetches (`FETCH_IN=worker`). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { DESCRIPTION, askAbout } from "../../support/evaluation.ts";
import { listen } from "../../support/listen.ts";
import { startSystem } from "../../support/running-system.ts";
import type { RunningSystem } from "../../support/running-system.ts";
import { MODEL } from "./bad-input.ts";
import { badServers, createBadServer, oddServers } from "./servers.ts";
import { badUrls } from "./urls.ts";

const server = createBadServer();
const port = await listen(server);
let system: RunningSystem;
beforeAll(async () => {
  system = await startSystem({
    env: { FETCH_IN: "worker", MEDIA_DENY_HOSTS: "denied.example" },
  });
});
afterAll(async () => {
  await system.stop();
  server.closeAllConnections();
  server.close();
});

const Refusal = z.object({
  error: z.object({ message: z.string().min(10), param: z.string().min(1) }),
});
const Answer = z.union([
  Refusal,
  z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) }),
]);

async function ask(body: object | string) {
  const response = await fetch(`${system.url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${system.apiKey}`, "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, answer: Answer.parse(await response.json()) };
}

const aboutPicture = (url: string) =>
  ask({ model: MODEL, messages: askAbout("Describe this image.", url) });

const ADDRESS = /\d+\.\d+\.\d+\.\d+|node_modules|passwd/;

describe("the system refuses, where its GPU worker fetches,", () => {
  const inputs = [...badUrls, ...badServers(port)];
  it.each(inputs.map((input) => [input.name.slice(0, 80), input] as const))(
    "%s",
    async (_, { body, param, status = 400 }) => {
      const refused = await ask(body);
      expect(refused.status).toBe(status);
      const { error } = Refusal.parse(refused.answer);
      expect(error.message).not.toMatch(ADDRESS);
      expect(param.startsWith(error.param)).toBe(true); // decoders name the part, not its URL
    },
  );

  it("a host that the operator denies", async () => {
    const { status, answer } = await aboutPicture("https://denied.example/a.png");
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      error: { message: expect.stringContaining("not among those") },
    });
  });

  it.each(oddServers(port))("and answers about %s", async (url) => {
    expect(await aboutPicture(url)).toMatchObject({
      status: 200,
      answer: { choices: [{ message: { content: DESCRIPTION } }] },
    });
  });
});
