import { JsonScanner, isWhitespace } from "./json-scanner.ts";

type Place = "object" | "key" | "colon" | "value" | "comma" | "end";

const KEYS = ["name", "arguments"] as const;
type Key = (typeof KEYS)[number];

/**
 * Reads the object of a call, `{"name": "f", "arguments": {…}}` with its keys in any order, character
 * by character.
 */
export class CallScanner {
  #place: Place = "object";
  #key: Key | undefined;
  #json = new JsonScanner();
  /** A key or a name as it is written. */
  #string = "";
  #name: string | undefined;
  #arguments = "";
  #hasArguments = false;

  /** Known when the name is. */
  get name(): string | undefined {
    return this.#name;
  }

  /** Whether all arguments have come; until then, `takeArguments` gives them as they do. */
  get isComplete(): boolean {
    return this.#place === "end";
  }

  /** Whether arguments have begun. */
  get hasArguments(): boolean {
    return this.#hasArguments;
  }

  /** The arguments since the last time, as the model wrote them. */
  takeArguments(): string {
    const text = this.#arguments;
    this.#arguments = "";
    return text;
  }

  /** Takes the next character; false when no call goes on like this. */
  push(character: string): boolean {
    const isBetween = this.#string === "" && !(this.#place === "value" && this.#isInArguments);
    if (isBetween && isWhitespace(character)) {
      return true;
    }
    switch (this.#place) {
      case "object":
        this.#place = "key";
        return character === "{";
      case "key":
        return this.#pushKey(character);
      case "colon":
        this.#place = "value";
        return character === ":";
      case "value":
        return this.#key === "name" ? this.#pushName(character) : this.#pushArguments(character);
      case "comma":
        this.#place = "key";
        return character === ",";
      case "end":
        return false;
    }
  }

  get #isInArguments(): boolean {
    return this.#key === "arguments" && this.#hasArguments;
  }

  #pushKey(character: string): boolean {
    const text = this.#pushString(character);
    if (text === undefined) {
      return this.#string !== "";
    }
    this.#key = KEYS.find((key) => key === text);
    this.#place = "colon";
    return this.#key === "name"
      ? this.#name === undefined
      : this.#key === "arguments" && !this.#hasArguments;
  }

  #pushName(character: string): boolean {
    const text = this.#pushString(character);
    if (text === undefined) {
      return this.#string !== "";
    }
    this.#name = text;
    this.#endValue();
    return text !== "";
  }

  #pushArguments(character: string): boolean {
    if (!this.#hasArguments && character !== "{") {
      return false;
    }
    if (!this.#json.push(character)) {
      return false;
    }
    this.#hasArguments = true;
    this.#arguments += character;
    if (this.#json.isComplete) {
      this.#endValue();
    }
    return true;
  }

  /** Both values make the call whole; what closes its object is not waited for. */
  #endValue(): void {
    const isWhole = this.#name !== undefined && this.#hasArguments;
    this.#place = isWhole ? "end" : "comma";
    this.#json = new JsonScanner();
  }

  /** The whole string when this character ends it; nothing is kept of what is no string. */
  #pushString(character: string): string | undefined {
    if ((this.#string === "" && character !== '"') || !this.#json.push(character)) {
      this.#string = "";
      return undefined;
    }
    this.#string += character;
    if (!this.#json.isComplete) {
      return undefined;
    }
    const text: unknown = JSON.parse(this.#string);
    this.#string = "";
    this.#json = new JsonScanner();
    return String(text);
  }
}
