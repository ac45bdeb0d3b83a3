import { expect, it } from "vitest";

import { runLoad } from "../support/chat-load.ts";
import { figuresOfSystem } from "../support/process-figures.ts";
import { startSystem } from "../support/running-system.ts";

it("serves 20 clients of whom a third leaves, and holds no connection afterwards", async () => {
  await using system = await startSystem();
  const { url, apiKey, pid } = system;
  await runLoad({ url, apiKey, clients: 1, seconds: 1, seed: 0 }); // what is loaded lazily is loaded
  const sockets = async () => (await figuresOfSystem(pid)).map((figures) => figures.sockets);
  const before = await sockets();

  const endings = await runLoad({ url, apiKey, clients: 20, seconds: 8, seed: 1 });
  expect(Object.keys(endings).filter((ending) => !/^(200|429|503|left)$/.test(ending))).toEqual([]);
  expect(endings["200"]).toBeGreaterThan(0);
  expect(endings["left"]).toBeGreaterThan(0);

  // As many as may run and wait at once are all taken: no place was lost.
  const together = await Promise.all(Array.from({ length: 72 }, () => askOneToken(url, apiKey)));
  expect(new Set(together)).toEqual(new Set([200]));
  await expect
    .poll(
      async () => (await sockets()).every((count, index) => count <= (before[index] ?? 0) + 8),
      {
        timeout: 20_000,
      },
    )
    .toBe(true);
}, 60_000);

async function askOneToken(url: string, apiKey: string): Promise<number> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      model: "qwen3-vl-shapes",
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 1,
    }),
  });
  await response.text();
  return response.status;
}
