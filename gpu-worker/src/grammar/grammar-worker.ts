import { parentPort, workerData } from "node:worker_threads";

import { GrammarEngine } from "./grammar-engine.ts";
import type { GrammarCall, GrammarReply } from "./grammar-protocol.ts";
import { TokenTable } from "./token-table.ts";

/** Entry of a worker thread that holds compiled grammars and the texts that are being written. */
function serve(table: TokenTable): void {
  const faults = new FaultLog();
  const opened = GrammarEngine.open(table);
  let last: Promise<void> = Promise.resolve();
  parentPort?.on("message", (call: GrammarCall) => {
    last = last.then(async () => parentPort?.postMessage(await answer(opened, faults, call), []));
  });
}

async function answer(
  opened: Promise<GrammarEngine>,
  faults: FaultLog,
  call: GrammarCall,
): Promise<GrammarReply> {
  try {
    await (await opened).run(call);
    return {};
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { failure: faults.take() ?? reason };
  }
}

/** The library aborts on a fault of a grammar; what the fault is it only prints. */
class FaultLog {
  #fault: string | undefined;

  constructor() {
    const print = (line: unknown) => {
      this.#fault = /^\[FATAL\] [^ ]+ (.*)$/s.exec(String(line))?.[1] ?? this.#fault;
    };
    for (const method of ["error", "warn", "log"] as const) {
      globalThis.console[method] = print;
    }
  }

  take(): string | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }
}

serve(TokenTable.parse(workerData));
