/** A process in which one model is loaded and run alone, so that its memory and times are its own. */
import { readFileSync } from "node:fs";

import { LlamaModel } from "./llama-model.ts";
import { OwnModel } from "./own-model.ts";
import { secondsOf } from "./subject-model.ts";
import type { SubjectModel } from "./subject-model.ts";
import { SubjectTask } from "./subject-task.ts";
import type { SubjectFigures, TaskOf } from "./subject-task.ts";

let model: SubjectModel | undefined;

async function perform(task: SubjectTask): Promise<number> {
  if (task.kind === "load") {
    return secondsOf(async () => {
      model = await load(task);
    });
  }
  if (model === undefined) {
    throw new Error("nothing is loaded yet");
  }
  switch (task.kind) {
    case "reach":
      return model.reach(task);
    case "prefill":
      return model.prefill(task);
    case "decode":
      return model.decode(task);
    case "encode":
      return model.encode(task);
  }
}

function load(task: TaskOf<"load">): Promise<SubjectModel> {
  const { source } = task;
  return source.by === "us" ? OwnModel.load(source, task) : LlamaModel.load(source, task);
}

/** Resident, as Linux tells it. */
function megabytes(): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

process.on("message", (message) => {
  perform(SubjectTask.parse(message)).then(
    (seconds) => process.send?.({ seconds, megabytes: megabytes() } satisfies SubjectFigures),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
