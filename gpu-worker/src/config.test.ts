import { describe, expect, it } from "vitest";

import { ConfigError, readConfig } from "./config.ts";

const least = {
  MODEL: "models/tiny",
  CACHE_DIR: "/var/cache/graphs",
  WORKER_SECRET: "a secret of at least 32 characters",
};

const tracesUrlOf = (address: string) =>
  readConfig({ ...least, OTEL_EXPORTER_OTLP_ENDPOINT: address }).tracesUrl;

describe("readConfig", () => {
  it("needs a model, a cache folder and a secret, and has a default for all else", () => {
    const config = readConfig({ ...least, UNRELATED: "x" });
    expect(config).toMatchObject({
      host: "127.0.0.1",
      port: 8000,
      model: "models/tiny",
      hub: { endpoint: "https://huggingface.co", token: undefined },
      tracesUrl: undefined,
      cacheFolder: "/var/cache/graphs",
      precision: undefined,
      logLevel: "info",
    });
    expect(config.threads).toBeGreaterThan(0);
  });

  it.each(["fp32", "int8", "int4"])("takes the precision %s", (precision) => {
    expect(readConfig({ ...least, PRECISION: precision }).precision).toBe(precision);
  });

  it("sends spans under the collector's address, and nowhere for an empty one", () => {
    expect(tracesUrlOf("http://127.0.0.1:4318/")).toBe("http://127.0.0.1:4318/v1/traces");
    expect(tracesUrlOf("")).toBeUndefined();
    expect(() => tracesUrlOf("ftp://collector")).toThrow(ConfigError);
  });

  it("takes port 0, which means any", () => {
    expect(readConfig({ ...least, PORT: "0" }).port).toBe(0);
  });

  it.each([
    ["MODEL", undefined],
    ["CACHE_DIR", ""],
    ["WORKER_SECRET", undefined],
    ["WORKER_SECRET", "short"],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "http"],
    ["PORT", "80.5"],
    ["THREADS", "0"],
    ["MAX_QUEUE", "Infinity"],
    ["DRAIN_SECONDS", "soon"],
    ["PRECISION", "fp64"],
    ["LOG", "loud"],
    ["HF_ENDPOINT", "huggingface.co"],
    ["HF_ENDPOINT", "ftp://huggingface.co"],
    ["HF_ENDPOINT", "https://user:secret@huggingface.co"],
    ["HF_TOKEN", "two words"],
  ])("names the variable at fault: %s=%s", (name, value) => {
    const read = () => readConfig({ ...least, [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name}: .+`));
  });

  it("takes an empty address or token of the hub as none, and drops a slash at the end", () => {
    expect(readConfig({ ...least, HF_ENDPOINT: "", HF_TOKEN: "" }).hub).toEqual({
      endpoint: "https://huggingface.co",
      token: undefined,
    });
    const mirror = { HF_ENDPOINT: "http://mirror.test/hub/", HF_TOKEN: "hf_x" };
    expect(readConfig({ ...least, ...mirror }).hub).toEqual({
      endpoint: "http://mirror.test/hub",
      token: "hf_x",
    });
  });

  it.each(["WORKER_SECRET", "HF_TOKEN"])("never repeats a secret: %s", (name) => {
    expect(() => readConfig({ ...least, [name]: "hunter 2" })).toThrow(/^(?!.*hunter 2)/);
  });
});
