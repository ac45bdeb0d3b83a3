/** A decoding process that ends as soon as it gets a clip; for tests. */
process.on("message", () => process.exit(1));
