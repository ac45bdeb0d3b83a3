import { readFile } from "node:fs/promises";

import type * as z from "zod";

import { ErrorBody } from "../../../edge/src/openapi/error-body.ts";
import { adminTokenFile } from "../kept-secrets.ts";
import { readSettings } from "../settings.ts";
import { CommandError } from "./command-error.ts";

const PATIENCE_MS = 30_000;

export interface AdminCall<Schema extends z.ZodType> {
  method: "GET" | "POST" | "PATCH";
  /** Below `/admin/keys`, query included. */
  path: string;
  body?: unknown;
  answer: Schema;
}

/** The administrator's side of one API. */
export class AdminApi {
  readonly #url: URL;
  readonly #token: string;

  constructor(url: URL, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** @throws CommandError with the API's own reason, or that it cannot be reached */
  async call<Schema extends z.ZodType>(call: AdminCall<Schema>): Promise<z.infer<Schema>> {
    const { method, path, body, answer } = call;
    const response = await this.#send(new URL(`/admin/keys${path}`, this.#url), {
      method,
      redirect: "error", // the token is for this address alone
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: {
        Authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = (response.ok ? answer : ErrorBody).safeParse(parseJson(text));
    if (!parsed.success) {
      throw new CommandError(`${this.#url.origin} answered ${response.status} with something else`);
    }
    if (!response.ok) {
      throw new CommandError(ErrorBody.parse(parsed.data).error.message);
    }
    return answer.parse(parsed.data);
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (cause) {
      throw new CommandError(
        `${this.#url.origin} does not answer; API_URL names another, npm start starts a local one`,
        { cause },
      );
    }
  }
}

/**
 * The API of `API_URL` with `ADMIN_TOKEN`, or the one that `npm start` started here with the token
 * that it has kept. The kept token goes to this machine alone, and no token unencrypted to another.
 *
 * @throws CommandError that names the variable
 */
export async function connectAdminApi(environment: NodeJS.ProcessEnv): Promise<AdminApi> {
  const { PORT, STATE_DIR, ADMIN_TOKEN } = readSettings(environment);
  const url = readUrl(environment["API_URL"] ?? "", PORT);
  const isHere = LOOPBACK.has(url.hostname);
  if (!isHere && url.protocol !== "https:") {
    throw new CommandError(`API_URL=${url.origin}: expected https: for another machine`);
  }
  const kept = isHere ? await readFile(adminTokenFile(STATE_DIR), "utf8").catch(() => "") : "";
  const token = ADMIN_TOKEN ?? kept.trim();
  if (token === "") {
    const elsewhere = isHere ? ` or, in STATE_DIR=${STATE_DIR}, one that npm start has kept` : "";
    throw new CommandError(`ADMIN_TOKEN: expected the token of ${url.origin}${elsewhere}`);
  }
  return new AdminApi(url, token);
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

function readUrl(given: string, port: number): URL {
  const text = given === "" ? `http://127.0.0.1:${port}` : given;
  if (!URL.canParse(text) || !/^https?:/i.test(text)) {
    throw new CommandError(`API_URL=${text}: expected the address of the API`);
  }
  return new URL(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
