type Place = "value" | "firstItem" | "firstKey" | "key" | "colon" | "afterValue" | "end";

/** From the state of a number to the next one, by the character that leads there; RFC 8259, 6. */
const NUMBERS: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  minus: [
    [/0/, "zero"],
    [/[1-9]/, "integer"],
  ],
  zero: [
    [/\./, "point"],
    [/[Ee]/, "e"],
  ],
  integer: [
    [/\d/, "integer"],
    [/\./, "point"],
    [/[Ee]/, "e"],
  ],
  point: [[/\d/, "fraction"]],
  fraction: [
    [/\d/, "fraction"],
    [/[Ee]/, "e"],
  ],
  e: [
    [/[+-]/, "sign"],
    [/\d/, "exponent"],
  ],
  sign: [[/\d/, "exponent"]],
  exponent: [[/\d/, "exponent"]],
};
const WHOLE_NUMBERS: ReadonlySet<string> = new Set(["zero", "integer", "fraction", "exponent"]);

/** Checks one JSON object or string character by character, as strictly as `JSON.parse`. */
export class JsonScanner {
  #place: Place = "value";
  /** Closing brackets of what is open. */
  readonly #open: ("]" | "}")[] = [];
  /** Takes the characters of a string, number or word until it has ended. */
  #token: ((character: string) => TokenState) | undefined;
  #isKey = false;

  get isComplete(): boolean {
    return this.#place === "end";
  }

  /** Takes the next character; false when no JSON goes on like this. */
  push(character: string): boolean {
    if (this.#token !== undefined) {
      const state = this.#token(character);
      if (state === "inside") {
        return true;
      }
      this.#token = undefined;
      this.#endValue();
      if (state !== "before") {
        return state === "last";
      }
    }
    return isWhitespace(character) ? this.#place !== "end" : this.#structure(character);
  }

  #structure(character: string): boolean {
    switch (this.#place) {
      case "firstItem":
        return character === "]" ? this.#close(character) : this.#beginValue(character);
      case "value":
        return this.#beginValue(character);
      case "firstKey":
        return character === "}" ? this.#close(character) : this.#beginKey(character);
      case "key":
        return this.#beginKey(character);
      case "colon":
        this.#place = "value";
        return character === ":";
      case "afterValue":
        if (character !== ",") {
          return this.#close(character);
        }
        this.#place = this.#open.at(-1) === "}" ? "key" : "value";
        return true;
      case "end":
        return false;
    }
  }

  #beginKey(character: string): boolean {
    this.#isKey = true;
    return character === '"' && this.#beginValue(character);
  }

  #beginValue(character: string): boolean {
    if (character === "{" || character === "[") {
      this.#open.push(character === "{" ? "}" : "]");
      this.#place = character === "{" ? "firstKey" : "firstItem";
      return true;
    }
    this.#token = tokenFrom(character);
    return this.#token !== undefined;
  }

  #close(bracket: string): boolean {
    const isRight = this.#open.pop() === bracket;
    this.#endValue();
    return isRight;
  }

  #endValue(): void {
    if (this.#isKey) {
      this.#place = "colon";
      this.#isKey = false;
    } else {
      this.#place = this.#open.length === 0 ? "end" : "afterValue";
    }
  }
}

/** JSON's whitespace, less than JavaScript's. */
export function isWhitespace(character: string): boolean {
  return /^[\t\n\r ]$/.test(character);
}

/** Whether a token goes on, ended with this character or before it, or cannot be. */
type TokenState = "inside" | "last" | "before" | "wrong";

function tokenFrom(first: string): ((character: string) => TokenState) | undefined {
  if (first === '"') {
    return stringToken();
  }
  if (/[\d-]/.test(first)) {
    return numberToken(first === "-" ? "minus" : first === "0" ? "zero" : "integer");
  }
  const word = ["true", "false", "null"].find((each) => each.startsWith(first));
  return word === undefined ? undefined : wordToken(word);
}

function stringToken(): (character: string) => TokenState {
  let escape = ""; // what of an escape has come
  return (character) => {
    if (escape === "") {
      escape = character === "\\" ? character : "";
      return character === '"' ? "last" : character < " " ? "wrong" : "inside";
    }
    escape += character;
    if (/^\\(?:u[\dA-Fa-f]{4}|["/\\bfnrt])$/.test(escape)) {
      escape = "";
      return "inside";
    }
    return /^\\u[\dA-Fa-f]{0,3}$/.test(escape) ? "inside" : "wrong";
  };
}

function numberToken(first: string): (character: string) => TokenState {
  let state = first;
  return (character) => {
    const next = NUMBERS[state]?.find(([pattern]) => pattern.test(character))?.[1];
    if (next === undefined) {
      return WHOLE_NUMBERS.has(state) ? "before" : "wrong";
    }
    state = next;
    return "inside";
  };
}

function wordToken(word: string): (character: string) => TokenState {
  let length = 1;
  return (character) => {
    if (character !== word[length]) {
      return "wrong";
    }
    length++;
    return length === word.length ? "last" : "inside";
  };
}
