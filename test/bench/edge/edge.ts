import { randomBytes } from "node:crypto";

import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import { HttpClient } from "../../support/http-client.ts";
import { median, printTable } from "../table.ts";
import { startSubjects } from "./subjects.ts";
import type { Subject } from "./subjects.ts";

interface Scenario {
  name: string;
  body: string;
  clients: number;
  /** In each, every subject is asked once by all clients at once. */
  rounds: number;
}

/** Milliseconds of one answer. */
interface Timed {
  firstMs: number;
  totalMs: number;
}

const WARM_UP_ROUNDS = 5;

/** Bytes of a picture that is no picture behind its first eight: nobody on the way decodes it. */
const PICTURE_BYTES = 10e6;

function chat(content: unknown, stream: boolean): string {
  return JSON.stringify({ model: "mock", stream, messages: [{ role: "user", content }] });
}

function scenarios(): Scenario[] {
  const picture = Buffer.concat([
    Buffer.from("\u0089PNG\r\n\u001a\n", "latin1"),
    randomBytes(PICTURE_BYTES),
  ]);
  const url = `data:image/png;base64,${picture.toString("base64")}`;
  const large = chat([{ type: "image_url", image_url: { url } }], false);
  const [whole, stream] = [chat("Hello", false), chat("Hello", true)];
  return [
    { name: "whole", body: whole, clients: 1, rounds: 300 },
    { name: "whole", body: whole, clients: 50, rounds: 20 },
    { name: "stream", body: stream, clients: 1, rounds: 300 },
    { name: "stream", body: stream, clients: 50, rounds: 20 },
    { name: "10 MB picture", body: large, clients: 1, rounds: 20 },
  ];
}

const HEAD = [
  "",
  "clients",
  "through",
  "median ms",
  "99 %",
  "added",
  "added 99 %",
  "first byte ms",
  "added",
];

/**
 * What our edge adds to a backend that answers at once, beside Portkey's gateway and LiteLLM before the
 * same backend. Each round asks all of them, beginning with another one each time.
 */
export async function edge(): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const subjects = await startSubjects(resources);
  const clients = new Map(
    subjects.map((subject) => [subject, resources.use(new HttpClient(subject.url))]),
  );
  const ask = (subject: Subject, body: string) => {
    const client = clients.get(subject);
    if (client === undefined) {
      throw new Error(`nobody asks ${subject.name}`);
    }
    return timeAnswer(client, subject, body);
  };
  const rows: string[][] = [];
  for (const scenario of scenarios()) {
    rows.push(...(await measure(scenario, subjects, ask)));
    console.log(`${scenario.name}, ${scenario.clients} clients: measured`);
  }
  console.log();
  printTable([HEAD, ...rows]);
}

async function measure(
  { name, body, clients, rounds }: Scenario,
  subjects: readonly Subject[],
  ask: (subject: Subject, body: string) => Promise<Timed>,
): Promise<string[][]> {
  const times = new Map(subjects.map((subject) => [subject, [] as Timed[]]));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const subject = subjects[(turn + round + WARM_UP_ROUNDS) % subjects.length];
      if (subject !== undefined) {
        const timed = await Promise.all(Array.from({ length: clients }, () => ask(subject, body)));
        times.get(subject)?.push(...(round < 0 ? [] : timed));
      }
    }
  }
  const [direct] = subjects;
  const base = figuresOf(direct === undefined ? [] : (times.get(direct) ?? []));
  return [...times].map(([subject, timed]) => {
    const { total, slow, first } = figuresOf(timed);
    const added = [total - base.total, slow - base.slow];
    const figures = [total, slow, ...added, first, first - base.first].map((ms) => ms.toFixed(2));
    return [name, String(clients), subject.name].concat(figures);
  });
}

/** Median and 99th percentile of whole answers, and median of their first bytes. */
function figuresOf(timed: readonly Timed[]): { total: number; slow: number; first: number } {
  const totals = timed.map(({ totalMs }) => totalMs).toSorted((a, b) => a - b);
  return {
    total: median(totals),
    slow: totals[Math.floor(totals.length * 0.99)] ?? NaN,
    first: median(timed.map(({ firstMs }) => firstMs)),
  };
}

async function timeAnswer(http: HttpClient, { headers }: Subject, body: string): Promise<Timed> {
  const begun = performance.now();
  const answer = await http.post({
    path: CHAT_COMPLETIONS_PATH,
    headers: { "Content-Type": "application/json", ...headers },
    body,
  });
  let firstMs = NaN;
  let text = "";
  for await (const chunk of answer) {
    if (text === "") {
      firstMs = performance.now() - begun;
    }
    text += String(chunk);
  }
  const totalMs = performance.now() - begun;
  if (answer.statusCode !== 200 || !text.includes("word")) {
    throw new Error(`status ${answer.statusCode}: ${text.slice(0, 500)}`);
  }
  return { firstMs, totalMs };
}
