/** A decoding process that is killed from outside as soon as it gets a clip; for tests. */
process.on("message", () => process.kill(process.pid, "SIGKILL"));
