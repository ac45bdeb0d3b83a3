/** `npm run golden`: compares with recorded values of the reference implementation, in any folders. */
import { join } from "node:path";
import { parseArgs } from "node:util";

import * as z from "zod";

import { PRECISIONS } from "../../gpu-worker/src/model/precision.ts";
import { checkCases } from "./cases.ts";
import type { Check } from "./check.ts";
import { checkImages } from "./images.ts";
import { checkText } from "./text.ts";
import { checkVideos } from "./videos.ts";

const data = join(import.meta.dirname, "data");
const folder = (name: string) => ({ type: "string", default: join(data, name) }) as const;

const { values } = parseArgs({
  options: {
    cases: folder("cases"),
    checkpoints: folder("checkpoints"),
    media: folder("media"),
    files: folder("files"),
    text: folder("text"),
    precision: { type: "string", default: "fp32" },
  },
});

const precision = z.enum(PRECISIONS).parse(values.precision);

async function* allChecks(): AsyncGenerator<Check> {
  yield* checkText(values);
  yield* checkImages(values);
  yield* checkVideos(values);
  yield* checkCases({ ...values, precision });
}

let passed = 0;
let failed = 0;
for await (const check of allChecks()) {
  if (check.passed) {
    passed++;
  } else {
    failed++;
  }
  console.log(`${check.passed ? "ok  " : "FAIL"} ${check.name}: ${check.detail}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
