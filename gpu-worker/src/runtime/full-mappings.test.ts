import { expect, it } from "vitest";

import { fullMappings } from "./full-mappings.ts";

interface Entry {
  start: number;
  end: number;
  residentMiB: number;
  hugeMiB?: number;
  mode?: string;
  behind?: string;
}

const MIB = 2 ** 20;

function smapsOf(entries: readonly Entry[]): string {
  return entries
    .map(({ start, end, residentMiB, hugeMiB = 0, mode = "rw-p", behind = "00:00 0" }) => {
      const range = [start, end].map((mebibytes) => (mebibytes * MIB).toString(16)).join("-");
      return [
        `${range} ${mode} 00000000 ${behind} `,
        `Size:           ${(end - start) * 1024} kB`,
        `Rss:            ${residentMiB * 1024} kB`,
        `AnonHugePages:  ${hugeMiB * 1024} kB`,
        "VmFlags: rd wr mr mw me ac sd ",
        "",
      ].join("\n");
    })
    .join("");
}

it("finds large memory that is all in use, as whole huge pages", () => {
  const full = { start: 1001, end: 1102, residentMiB: 101 };
  expect(fullMappings(smapsOf([full]))).toEqual([{ start: BigInt(1002 * MIB), bytes: 100 * MIB }]);
  const heap = { ...full, behind: "00:00 0      [heap]" };
  expect(fullMappings(smapsOf([heap, full]))).toHaveLength(2);
});

it.each([
  ["what is reserved and hardly written", { residentMiB: 4 }],
  ["what is in huge pages already", { hugeMiB: 98 }],
  ["small memory", { start: 1000, end: 1003, residentMiB: 3 }],
  ["files", { behind: "fe:00 393 /weights.data" }],
  ["stacks", { behind: "00:00 0 [stack]" }],
  ["code", { mode: "r-xp" }],
  ["shared memory", { mode: "rw-s" }],
])("leaves %s alone", (_, changes) => {
  const entry = { start: 1000, end: 1100, residentMiB: 100, ...changes };
  expect(fullMappings(smapsOf([entry]))).toEqual([]);
});

it("finds nothing where the system tells nothing", () => {
  expect(fullMappings("")).toEqual([]);
});
