import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { SubjectFigures } from "./subject-task.ts";
import type { SubjectTask } from "./subject-task.ts";

/** A model in a process of its own, which ends with this object. */
export class Subject implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  constructor(name: string) {
    this.name = name;
    this.#child = fork(join(import.meta.dirname, "subject-process.ts"));
    this.#ended = once(this.#child, "exit").then(([code, signal]: unknown[]) => {
      throw new Error(`the process of ${name} ended with ${String(signal ?? code)}`);
    });
    this.#ended.catch(() => undefined); // whoever waits for figures is told
  }

  /** One at a time. */
  async perform(task: SubjectTask): Promise<SubjectFigures> {
    this.#child.send(task);
    const message = once(this.#child, "message").then(([first]: unknown[]) => first);
    return SubjectFigures.parse(await Promise.race([message, this.#ended]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#ended.catch(() => undefined);
  }
}
