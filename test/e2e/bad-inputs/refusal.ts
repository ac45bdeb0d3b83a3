import { expect } from "vitest";
import * as z from "zod";

import type { BadInput } from "./bad-input.ts";

/** The body of every refusal. */
export const Refusal = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
});

/** Addresses, paths, stacks: what an error must not tell. */
const SECRETS = /\d+\.\d+\.\d+\.\d+|\/work\/|node_modules|at \w+ \(|0x[\da-f]{6}/;

/** What a test compares of an answer that must be a refusal. */
export async function refusalOf(response: Response) {
  const { message, param } = Refusal.parse(await response.json()).error;
  return { status: response.status, param, message, tellsSecrets: SECRETS.test(message) };
}

/** What `refusalOf` must tell of it. */
export function expectedRefusal({
  param,
  says,
  status = 400,
}: Pick<BadInput, "param" | "says" | "status">) {
  const message = expect.stringMatching(
    new RegExp(`^(?=[^]*?(?:${says.source}))[^]{10,500}$`, says.flags),
  );
  return { status, param, message, tellsSecrets: false };
}
