/** Server-sent events as the WHATWG HTML standard defines them, for the fields this API uses. */
export interface ServerSentEvent {
  data: string;
  id?: string;
}

/** The end of a stream in OpenAI's form. */
export const DONE = "[DONE]";

export function isEventStream(contentType: string | null): boolean {
  return /^text\/event-stream\b/i.test(contentType ?? "");
}

/** One event in its final form; `data` and `id` must not contain line breaks. */
export function formatEvent({ data, id }: ServerSentEvent): string {
  return id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
}

/**
 * A comment: ignored by clients, but it proves the connection is alive. No empty line ends it: there
 * OpenAI's Python client would see an event without data once any event has had an `id`, and fail.
 */
export function formatComment(text: string): string {
  return `: ${text}\n`;
}

/** Splits text that arrives in arbitrary chunks into complete lines, without their ends. */
export class LineSplitter {
  #unfinished = "";
  #endedWithCr = false;

  push(text: string): string[] {
    if (text === "") {
      return [];
    }
    // A line that ended with \r is complete at once; a \n that follows it belongs to the same end.
    const rest = this.#endedWithCr && text.startsWith("\n") ? text.slice(1) : text;
    this.#endedWithCr = text.endsWith("\r");
    const lines = (this.#unfinished + rest).split(/\r\n|\n|\r/);
    this.#unfinished = lines.pop() ?? "";
    return lines;
  }
}

/** Decodes a stream of bytes into events; comments and unknown fields are skipped. */
export async function* parseEvents(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  const splitter = new LineSplitter();
  let data: string[] = [];
  let id: string | undefined;
  for await (const chunk of stream) {
    for (const line of splitter.push(decoder.decode(chunk, { stream: true }))) {
      if (line === "") {
        if (data.length > 0) {
          yield id === undefined ? { data: data.join("\n") } : { data: data.join("\n"), id };
        }
        data = [];
        continue;
      }
      const { field, value } = splitField(line);
      if (field === "data") {
        data.push(value);
      } else if (field === "id") {
        id = value;
      }
    }
  }
}

function splitField(line: string): { field: string; value: string } {
  const colon = line.indexOf(":");
  if (colon === -1) {
    return { field: line, value: "" };
  }
  const value = line.slice(colon + 1);
  return { field: line.slice(0, colon), value: value.startsWith(" ") ? value.slice(1) : value };
}
