/** A checkpoint that cannot be used; the message names the file, what was expected and what was found. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
}
