/** A decoding process that never answers; for tests. */
process.on("message", () => undefined);
