import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { DESCRIPTION, MODEL, SCENE, pictureUrl } from "../support/evaluation.ts";
import { startSystem } from "../support/running-system.ts";
import { findPython } from "./python.ts";
import { openUnsteadyFront } from "./unsteady-front.ts";

const python = await findPython();

/** What `client.py` checks. */
const CHECKS = [
  "a chat completion",
  "a streamed chat completion with its usage",
  "a stream put together by the client",
  "a stream that the client leaves",
  "an answer parsed into a class",
  "the asynchronous client, several at once",
  "models, listed and one",
  "headers of raw responses",
  "AuthenticationError",
  "BadRequestError with its field",
  "NotFoundError of a model",
  "UnprocessableEntityError of a picture that cannot be fetched",
  "PermissionDeniedError of a key without the scope",
  "ConflictError",
  "RateLimitError of a key that has used its minute",
  "InternalServerError, and how often it is tried again",
  "APITimeoutError and APIConnectionError",
  "files: sent, listed, read, used in a request, deleted",
];

const Result = z.object({
  name: z.string(),
  outcome: z.enum(["passed", "failed"]),
  detail: z.string(),
});
type Result = z.infer<typeof Result>;

const isMissing = python === undefined;

describe.skipIf(isMissing)("OpenAI's Python client (npm run conformance gets it)", () => {
  const resources = new AsyncDisposableStack();
  let results: Result[];
  beforeAll(async () => {
    const system = resources.use(await startSystem());
    const front = resources.use(await openUnsteadyFront(system.url));
    const { url, apiKey, adminToken } = system;
    const told = { picture: pictureUrl(SCENE), description: DESCRIPTION, model: MODEL };
    const setting = { url, apiKey, adminToken, front: front.url, ...told };
    results = await runChecks(python ?? "", setting);
  }, 180_000);
  afterAll(() => resources.disposeAsync());

  it("is asked for all that is listed here", () => {
    expect(results.map((result) => result.name)).toEqual(CHECKS);
  });

  it.for(CHECKS)("finds what it expects: %s", (check) => {
    const result = results.find((one) => one.name === check);
    expect(result).toEqual({ name: check, outcome: "passed", detail: "" });
  });
});

async function runChecks(program: string, setting: object): Promise<Result[]> {
  const script = join(import.meta.dirname, "client.py");
  const { stdout } = await promisify(execFile)(program, [script, JSON.stringify(setting)]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => Result.parse(JSON.parse(line)));
}
