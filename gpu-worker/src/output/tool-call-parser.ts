import { CallScanner } from "./call-scanner.ts";
import type { MessageDelta } from "./message-delta.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

/** What closes a call's object and its block; what of it has come may be nothing. */
const CALL_END = new RegExp(String.raw`^\s*(?:\}\s*)?${CLOSE}\s*`);

/** A call that is being read. */
interface OpenCall {
  scanner: CallScanner;
  /** Everything since before its tag, until the client is told of the call. */
  raw: string;
  /** Where in `raw` its tag ends. */
  bodyStart: number;
  isTold: boolean;
}

/**
 * Takes the calls out of a text that comes in parts: blocks `<tool_call>{"name": …, "arguments":
 * {…}}</tool_call>`. However the text is parted, the joined deltas are the same.
 *
 * A call is told when its name is known and its arguments begin, and its arguments as they come. What
 * turns out to be none until then is content, all of it; what goes wrong later leaves a call whose
 * arguments are cut, with the rest as content. Only whitespace around calls is dropped.
 */
export class ToolCallParser {
  readonly #newId: () => string;
  /** Text of which nothing is decided yet: the beginning of a tag, or whitespace before one. */
  #held = "";
  #call: OpenCall | undefined;
  /** The end of a call that is whole, as far as it has come. */
  #ending: string | undefined;
  #isAfterCall = false;
  #told = 0;
  #isLastWhole = false;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** Whether there are calls, the last of them whole. */
  get hasCalls(): boolean {
    return this.#told > 0 && this.#isLastWhole;
  }

  push(text: string): MessageDelta[] {
    const deltas: MessageDelta[] = [];
    let rest = text;
    while (rest !== "") {
      rest =
        this.#call !== undefined
          ? this.#readCall(this.#call, rest, deltas)
          : this.#ending === undefined
            ? this.#readText(rest, deltas)
            : this.#readEnding(this.#ending + rest);
    }
    return deltas.filter((delta) => delta.content !== "");
  }

  /** The text has ended: what was held back is content after all. */
  end(): MessageDelta[] {
    const content = this.#call === undefined ? this.#held : this.#call.raw;
    this.#held = "";
    this.#call = undefined;
    return content.trim() === "" && this.#isAfterCall ? [] : [{ content }].filter(hasContent);
  }

  /** Gives content up to a call; returns what follows its tag. */
  #readText(rest: string, deltas: MessageDelta[]): string {
    const text = this.#isAfterCall ? (this.#held + rest).trimStart() : this.#held + rest;
    const tag = text.indexOf(OPEN);
    const shown = (tag >= 0 ? text.slice(0, tag) : withoutTagStart(text)).trimEnd().length;
    deltas.push({ content: text.slice(0, shown) });
    this.#isAfterCall &&= shown === 0;
    if (tag < 0) {
      this.#held = text.slice(shown);
      return "";
    }
    this.#held = "";
    const bodyStart = tag + OPEN.length;
    this.#call = {
      scanner: new CallScanner(),
      raw: text.slice(shown, bodyStart),
      bodyStart: bodyStart - shown,
      isTold: false,
    };
    return text.slice(bodyStart);
  }

  /** Reads a call up to its last argument; returns what follows it, or what it cannot be. */
  #readCall(call: OpenCall, rest: string, deltas: MessageDelta[]): string {
    const { scanner } = call;
    let length = 0;
    while (length < rest.length && !scanner.isComplete) {
      if (!scanner.push(rest.charAt(length))) {
        this.#tell(call, deltas);
        return this.#giveUp(call, rest, length, deltas);
      }
      length++;
    }
    if (!call.isTold) {
      call.raw += rest.slice(0, length);
    }
    this.#tell(call, deltas);
    if (scanner.isComplete) {
      this.#call = undefined;
      this.#ending = "";
      this.#isLastWhole = true;
    }
    return rest.slice(length);
  }

  /** Tells what of a call is known and was not told. */
  #tell(call: OpenCall, deltas: MessageDelta[]): void {
    const { scanner } = call;
    const { name } = scanner;
    if (name === undefined || !scanner.hasArguments) {
      return;
    }
    if (!call.isTold) {
      const opening = { name, arguments: "" };
      const id = this.#newId();
      const index = this.#told++;
      deltas.push({ tool_calls: [{ index, id, type: "function", function: opening }] });
      call.isTold = true;
      call.raw = "";
      this.#isLastWhole = false;
    }
    const piece = scanner.takeArguments();
    if (piece !== "") {
      deltas.push({ tool_calls: [{ index: this.#told - 1, function: { arguments: piece } }] });
    }
  }

  /** This is no call: a tag of which nothing was told is content, and the text goes on after it. */
  #giveUp(call: OpenCall, rest: string, length: number, deltas: MessageDelta[]): string {
    this.#call = undefined;
    this.#isAfterCall = false;
    if (call.isTold) {
      return rest.slice(length);
    }
    const { raw, bodyStart } = call;
    deltas.push({ content: raw.slice(0, bodyStart) });
    return raw.slice(bodyStart) + rest;
  }

  /** Drops what ends a call; returns what follows it. */
  #readEnding(text: string): string {
    const end = CALL_END.exec(text)?.[0];
    if (end === undefined && mayEndCall(text)) {
      this.#ending = text;
      return "";
    }
    this.#ending = undefined;
    this.#isAfterCall = true;
    return end === undefined ? text.replace(/^\s*\}/, "") : text.slice(end.length);
  }
}

function hasContent({ content }: MessageDelta): boolean {
  return content !== "";
}

/** The text without an end that could be the beginning of a tag. */
function withoutTagStart(text: string): string {
  let length = Math.min(text.length, OPEN.length - 1);
  while (!text.endsWith(OPEN.slice(0, length))) {
    length--;
  }
  return text.slice(0, text.length - length);
}

function mayEndCall(text: string): boolean {
  const rest = text.trimStart().replace(/^\}\s*/, "");
  return CLOSE.startsWith(rest);
}
