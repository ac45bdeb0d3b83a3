import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

import { describe, expect, it } from "vitest";

import { CheckpointError } from "../weights/checkpoint-error.ts";
import { parseModelSource } from "./model-source.ts";

describe("parseModelSource", () => {
  it.each([
    ["/models/a", "/models/a"],
    ["./owner/name", resolve("owner/name")],
    ["../owner/name", resolve("../owner/name")],
    ["~/owner", join(homedir(), "owner")],
    ["models", resolve("models")],
    ["models/qwen3-vl-shapes", resolve("models/qwen3-vl-shapes")],
  ])("takes a path or an existing folder for a folder: %s", async (value, folder) => {
    expect(await parseModelSource(value)).toEqual({ kind: "folder", folder });
  });

  it("takes owner/name for a folder when there is one", async () => {
    const root = await mkdtemp(join(tmpdir(), "source-"));
    await mkdir(join(root, "name"));
    const value = relative(process.cwd(), join(root, "name"));
    expect(await parseModelSource(value)).toMatchObject({ kind: "folder" });
    await rm(root, { recursive: true });
  });

  it.each([
    ["Qwen/Qwen3-VL-2B-Instruct", "Qwen/Qwen3-VL-2B-Instruct", "main"],
    ["a/b@v1.0", "a/b", "v1.0"],
    ["a/b@refs/pr/1", "a/b", "refs/pr/1"],
    [
      "a/b@0123456789abcdef0123456789abcdef01234567",
      "a/b",
      "0123456789abcdef0123456789abcdef01234567",
    ],
  ])("takes an id of the hub: %s", async (value, repository, revision) => {
    expect(await parseModelSource(value)).toEqual({
      kind: "hub",
      reference: { repository, revision },
    });
  });

  it.each([
    "Qwen3-VL",
    "a/b/c",
    "a/b..c",
    "a/b--c",
    "a/b@",
    "a/b@../x",
    "a/-b",
    "a/b c",
    "https://huggingface.co/a/b",
    `a/${"b".repeat(95)}`,
  ])("refuses what is neither: %s", async (value) => {
    await expect(parseModelSource(value)).rejects.toThrow(CheckpointError);
    await expect(parseModelSource(value)).rejects.toThrow("expected owner/name");
  });
});
