/** `npm run conformance`: the API beside OpenAI's own clients of Node and of Python. */
import { spawn } from "node:child_process";
import { once } from "node:events";

import { findPython, makePython } from "./python.ts";

if ((await findPython()) === undefined) {
  process.stdout.write("Python's client is installed, once, from the package registry.\n");
  await makePython();
}
const vitest = spawn("vitest", ["run", "--project", "node", "test/conformance"], {
  stdio: "inherit",
});
await once(vitest, "exit");
process.exitCode = vitest.exitCode ?? 1;
