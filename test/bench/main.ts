/** `npm run bench -- NAME`: timings, printed and never asserted. */
import { chat } from "./chat.ts";
import { precisions2b } from "./precisions-2b.ts";
import { precisions } from "./precisions.ts";
import { soak } from "./soak.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<void>>> = {
  chat,
  precisions,
  "precisions-2b": precisions2b,
  soak,
};

const [name = ""] = process.argv.slice(2);
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
if (benchmark === undefined) {
  console.log(`Usage: npm run bench -- ${Object.keys(BENCHMARKS).join(" | ")}`);
  process.exitCode = 1;
} else {
  await benchmark();
}
