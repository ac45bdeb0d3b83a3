import { resolve } from "node:path";

import { REPOSITORY } from "../../../dev/src/settings.ts";

/** Where benches keep what takes minutes to make: checkpoints, graphs, llama.cpp. Git ignores it. */
export const BENCH_FOLDER = resolve(process.env["BENCH_DIR"] ?? `${REPOSITORY}/.state/bench`);
