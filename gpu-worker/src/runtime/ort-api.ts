/**
 * ONNX Runtime's C API through koffi, from the library that onnxruntime-node ships.
 *
 * The Node binding copies every output, the whole KV cache included, on every step (252 against 78 ms
 * per token at 2B size and context 1,024) and blocks the event loop; here outputs are bound to memory
 * of ours and a run happens on one of koffi's threads.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import koffi from "koffi";
import type { LibraryHandle } from "koffi";

/** Version of the OrtApi table asked for; the table only grows, so slots keep their places. */
const API_VERSION = 20;

const POINTER_BYTES = 8;

/** The C type of a path is wide on Windows only. */
const PATH = process.platform === "win32" ? "const char16_t *" : "const char *";

/** Places of functions in the OrtApi table (onnxruntime_c_api.h), and their signatures. */
const SLOTS = {
  getErrorMessage: [2, "const char *F(void *status)"],
  createEnv: [3, "void *F(int level, const char *id, _Out_ void **env)"],
  createSession: [7, `void *F(void *env, ${PATH}path, void *options, _Out_ void **session)`],
  run: [
    9,
    "void *F(void *session, void *options, void *inputNames, void *inputs, size_t inputCount, void *outputNames, size_t outputCount, void *outputs)",
  ],
  createSessionOptions: [10, "void *F(_Out_ void **options)"],
  setIntraOpNumThreads: [24, "void *F(void *options, int threads)"],
  createRunOptions: [39, "void *F(_Out_ void **options)"],
  runOptionsSetTerminate: [46, "void *F(void *options)"],
  createTensorWithDataAsOrtValue: [
    49,
    "void *F(void *memory, void *data, size_t bytes, const int64_t *shape, size_t rank, int type, _Out_ void **value)",
  ],
  createCpuMemoryInfo: [69, "void *F(int allocator, int type, _Out_ void **info)"],
  releaseStatus: [93, "void F(void *status)"],
  releaseSession: [95, "void F(void *session)"],
  releaseValue: [96, "void F(void *value)"],
  releaseRunOptions: [97, "void F(void *options)"],
  releaseSessionOptions: [100, "void F(void *options)"],
  addSessionConfigEntry: [130, "void *F(void *options, const char *key, const char *value)"],
  addRunConfigEntry: [165, "void *F(void *options, const char *key, const char *value)"],
} as const satisfies Record<string, readonly [slot: number, signature: string]>;

const LIBRARY_NAMES: Partial<Record<NodeJS.Platform, string>> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  win32: "onnxruntime.dll",
};

/** ORT_LOGGING_LEVEL_FATAL: failures come back as statuses and are told once, by us. */
const LOG_FATAL = 4;

/** An address that only the library understands. */
export type Handle = bigint;
export type NativeFunction = ReturnType<LibraryHandle["func"]>;

export interface OrtApi {
  functions: Readonly<Record<keyof typeof SLOTS, NativeFunction>>;
  env: Handle;
  cpuMemory: Handle;
  /** Never read: a library that nothing refers to is unloaded, and the process crashes. */
  library: LibraryHandle;
}

/** Loads the library once per process; sessions and tensors share its environment. */
export function loadOrtApi(): OrtApi {
  loaded ??= load();
  return loaded;
}

// One environment per process is ONNX Runtime's own rule, so this is the process's state, not a module's.
let loaded: OrtApi | undefined;

function load(): OrtApi {
  const library = koffi.load(libraryPath());
  const base: unknown = library.func("void *OrtGetApiBase()")();
  const getApi: NativeFunction = koffi.decode(
    koffi.decode(base, "void *"),
    koffi.proto("void *OrtGetApi(uint32_t version)"),
  );
  const table: unknown = getApi(API_VERSION);
  const functions = bindFunctions(table);
  return {
    functions,
    env: create(functions, functions.createEnv, LOG_FATAL, "qwen3-vl"),
    cpuMemory: create(functions, functions.createCpuMemoryInfo, 0, 0),
    library,
  };
}

function bindFunctions(table: unknown): OrtApi["functions"] {
  const bind = (name: keyof typeof SLOTS): NativeFunction => {
    const [slot, signature] = SLOTS[name];
    const address: unknown = koffi.decode(table, slot * POINTER_BYTES, "void *");
    return koffi.decode(address, koffi.proto(signature.replace("F(", `Ort_${name}(`)));
  };
  return {
    getErrorMessage: bind("getErrorMessage"),
    createEnv: bind("createEnv"),
    createSession: bind("createSession"),
    run: bind("run"),
    createSessionOptions: bind("createSessionOptions"),
    setIntraOpNumThreads: bind("setIntraOpNumThreads"),
    createRunOptions: bind("createRunOptions"),
    runOptionsSetTerminate: bind("runOptionsSetTerminate"),
    createTensorWithDataAsOrtValue: bind("createTensorWithDataAsOrtValue"),
    createCpuMemoryInfo: bind("createCpuMemoryInfo"),
    releaseStatus: bind("releaseStatus"),
    releaseSession: bind("releaseSession"),
    releaseValue: bind("releaseValue"),
    releaseRunOptions: bind("releaseRunOptions"),
    releaseSessionOptions: bind("releaseSessionOptions"),
    addSessionConfigEntry: bind("addSessionConfigEntry"),
    addRunConfigEntry: bind("addRunConfigEntry"),
  };
}

/** Calls a function whose last parameter receives what it creates. */
export function create(
  functions: OrtApi["functions"],
  make: NativeFunction,
  ...parameters: readonly unknown[]
): Handle {
  const created: [Handle | null] = [null];
  assertOk(functions, make(...parameters, created));
  const [handle] = created;
  if (handle === null) {
    throw new Error("ONNX Runtime created nothing");
  }
  return handle;
}

/** @throws Error with the runtime's message unless the status is none */
export function assertOk(functions: OrtApi["functions"], status: unknown): void {
  if (status === null || status === undefined) {
    return;
  }
  const message = String(functions.getErrorMessage(status));
  functions.releaseStatus(status);
  throw new Error(`ONNX Runtime: ${message}`);
}

function libraryPath(): string {
  const name = LIBRARY_NAMES[process.platform];
  if (name === undefined) {
    throw new Error(`ONNX Runtime has no library for ${process.platform}`);
  }
  const packageFile = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  return join(dirname(packageFile), "bin", "napi-v6", process.platform, process.arch, name);
}
