/** What the operator can mend: told in one line. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
