import { describe, expect, it } from "vitest";

import { GroupCommit } from "./group-commit.ts";

/** Changes, and the groups in which they were written. */
function journal() {
  const changes: string[] = [];
  const written: string[][] = [];
  const commit = new GroupCommit(async () => void written.push(changes.splice(0)));
  return { changes, written, commit };
}

describe("GroupCommit", () => {
  it("writes what many wait for at once", async () => {
    const { changes, written, commit } = journal();
    await Promise.all(
      ["one", "two", "three"].map((change) => {
        changes.push(change);
        return commit.within(0);
      }),
    );
    expect(written).toEqual([["one", "two", "three"]]);
  });

  it("lets who is patient go with who is not", async () => {
    const { changes, written, commit } = journal();
    changes.push("patient");
    const patient = commit.within(60_000);
    changes.push("urgent");
    await commit.within(0);
    await patient;
    expect(written).toEqual([["patient", "urgent"]]);
  });

  it("writes now what could have waited", async () => {
    const { changes, written, commit } = journal();
    changes.push("patient");
    const patient = commit.within(60_000);
    await commit.now();
    await patient;
    expect(written).toEqual([["patient"]]);
  });

  it("tells everybody who waits that a write has failed, and writes again", async () => {
    let isBroken = true;
    const commit = new GroupCommit(async () => {
      if (isBroken) {
        throw new Error("no disk");
      }
    });
    const outcomes = await Promise.allSettled([commit.within(0), commit.within(0)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    isBroken = false;
    await commit.within(0);
  });
});
