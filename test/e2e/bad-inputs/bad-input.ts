/** A request that must be refused, and how. */
export interface BadInput {
  name: string;
  /** The body, or its text where JSON.stringify would not write it. */
  body: object | string;
  param: string;
  /** What the message must say. */
  says: RegExp;
  /** 400 unless told. */
  status?: number;
}

export const MODEL = "qwen3-vl-shapes";
export const IMAGE_URL_PARAM = "messages.0.content.0.image_url.url";

/** A request about one picture of this URL, with more fields on the part. */
export function about(url: unknown, part: object = {}): object {
  const image = { type: "image_url", image_url: { url }, ...part };
  return { model: MODEL, messages: [{ role: "user", content: [image] }] };
}

/** A request with these fields beside a good message. */
export function withFields(fields: object): object {
  return { model: MODEL, messages: [{ role: "user", content: "Hello" }], ...fields };
}
