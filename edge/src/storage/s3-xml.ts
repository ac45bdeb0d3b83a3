/** The text of the first element of this name, with its entities resolved. */
export function textOfTag(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : unescapeXml(text);
}

/** The inner XML of each element of this name; the storages' answers nest none in itself. */
export function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map(
    ([, inner = ""]) => inner,
  );
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

export function escapeXml(text: string): string {
  return Object.entries(ENTITIES).reduce(
    (escaped, [character, entity]) => escaped.replaceAll(character, entity),
    text,
  );
}

/** S3 writes the quotes of an ETag as `&quot;` or `&#34;`; the ampersand comes last. */
function unescapeXml(text: string): string {
  return Object.entries(ENTITIES)
    .toReversed()
    .reduce(
      (plain, [character, entity]) => plain.replaceAll(entity, character),
      text.replaceAll("&#34;", '"').replaceAll("&#39;", "'"),
    );
}
