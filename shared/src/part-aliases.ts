/**
 * The spellings of content parts that users paste from Qwen's, DashScope's and OpenAI's examples,
 * rewritten to the one that the schema has:
 *
 * - `{"type":"image","image":url}`, `{"type":"input_image","image_url":url}`, `{"image":url}`
 * - `{"type":"video","video":url}`, `{"type":"input_video","video_url":url}`, `{"video":url}`
 * - `{"video":[url, …]}`
 * - `{"type":"input_image","file_id":"file-…"}`
 * - `{"type":"file","file":{"file_data":"data:image/…"}}`, and the same with a video
 * - `{"type":"input_text","text"}`, `{"text"}`
 *
 * Options of media that stand inside the part's object move beside it. Nothing is dropped: what is
 * unknown stays, and the schema refuses it by name.
 */
export function canonicalPart(part: unknown, optionNames: ReadonlySet<string>): unknown {
  if (!isRecord(part)) {
    return part;
  }
  if (
    part["type"] === "input_text" ||
    (part["type"] === undefined && typeof part["text"] === "string")
  ) {
    return { ...part, type: "text" };
  }
  const plain = part["type"] === "file" ? withoutFile(part) : part;
  const kind = mediumKind(plain);
  return kind === undefined ? plain : canonicalMedium(plain, kind, optionNames);
}

type Kind = "image" | "video";

const TYPES: Readonly<Record<string, Kind>> = {
  image: "image",
  input_image: "image",
  image_url: "image",
  video: "video",
  input_video: "video",
  video_url: "video",
};

/** By its type, or without one by the only medium it holds. */
function mediumKind({ type, ...rest }: Record<string, unknown>): Kind | undefined {
  if (typeof type === "string") {
    return Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  }
  return (["image", "video"] as const).find(
    (kind) => type === undefined && (rest[kind] !== undefined || rest[`${kind}_url`] !== undefined),
  );
}

/** Only one of `image` and `image_url` is an alias: beside the one the other stays, and is refused as unknown. */
function canonicalMedium(
  part: Record<string, unknown>,
  kind: Kind,
  optionNames: ReadonlySet<string>,
): unknown {
  const urlKey = `${kind}_url`;
  const key = part[urlKey] === undefined ? kind : urlKey;
  const { [key]: named, type, ...others } = part;
  const { source, beside } = namedByFileId(type, named, others);
  if (kind === "video" && Array.isArray(source)) {
    return { ...beside, type: "video", video: source };
  }
  if (typeof source === "string") {
    return { ...beside, type: urlKey, [urlKey]: { url: source } };
  }
  if (!isRecord(source)) {
    return { ...beside, type: urlKey, [urlKey]: source };
  }
  const entries = Object.entries(source);
  const movesOut = (name: string) => optionNames.has(name) && !Object.hasOwn(beside, name);
  return {
    ...beside,
    type: urlKey,
    [urlKey]: Object.fromEntries(entries.filter(([name]) => !movesOut(name))),
    ...Object.fromEntries(entries.filter(([name]) => movesOut(name))),
  };
}

/** Responses' pictures name a file beside the URL, which is then null or absent. */
function namedByFileId(
  type: unknown,
  source: unknown,
  { file_id: fileId, ...beside }: Record<string, unknown>,
): { source: unknown; beside: Record<string, unknown> } {
  const isFile = type === "input_image" && typeof fileId === "string" && source == null;
  if (isFile) {
    return { source: fileId, beside };
  }
  return { source, beside: fileId === undefined ? beside : { ...beside, file_id: fileId } };
}

/** OpenAI's file part with the bytes in it, as the picture or clip that its media type says. */
function withoutFile(part: Record<string, unknown>): Record<string, unknown> {
  const { type: _type, file, ...rest } = part;
  const data = isRecord(file) ? file["file_data"] : undefined;
  const kind = typeof data === "string" ? /^data:(image|video)\//i.exec(data)?.[1] : undefined;
  return kind === undefined
    ? part
    : { ...rest, type: `${kind.toLowerCase()}_url`, [`${kind.toLowerCase()}_url`]: { url: data } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
