import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { compileFunction, constants } from "node:vm";

import type * as xgrammar from "@mlc-ai/web-xgrammar";
import * as z from "zod";

export type Xgrammar = typeof xgrammar;

const Exports = z.custom<Xgrammar>((value) => {
  const loaded = z.record(z.string(), z.unknown()).safeParse(value);
  return loaded.success && typeof loaded.data["GrammarMatcher"] === "function";
}, "expected the exports of @mlc-ai/web-xgrammar");

/**
 * The package is CommonJS in a folder of ES modules, which an import finds empty; so its text is
 * compiled as what it is.
 */
export function loadXgrammar(): Xgrammar {
  const require = createRequire(import.meta.url);
  const file = require.resolve("@mlc-ai/web-xgrammar");
  const names = ["exports", "module", "require", "__filename"];
  const load = compileFunction(readFileSync(file, "utf8"), names, {
    filename: file,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const exports = {};
  Reflect.apply(load, undefined, [exports, { exports }, createRequire(file), file]);
  return Exports.parse(exports);
}
