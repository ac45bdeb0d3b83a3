/** A schema or pattern asks for what cannot be kept; the message is for the client. */
export class UnsupportedGrammar extends Error {
  /** Where, as keys from the top. */
  readonly path: readonly string[];

  constructor(message: string, path: readonly string[] = []) {
    super(message);
    this.path = path;
  }
}
