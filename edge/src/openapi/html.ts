/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Fragment = string | number | Html | undefined | readonly Fragment[];

/** HTML in which everything that is put in is escaped, but for HTML made this way; lists are joined. */
export function html(texts: TemplateStringsArray, ...fragments: readonly Fragment[]): Html {
  return new Html(texts.map((text, index) => text + toText(fragments[index])).join(""));
}

/** What stands between backticks, as code. */
export function withCode(text: string): Html[] {
  return text
    .split("`")
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function toText(fragment: Fragment): string {
  if (fragment === undefined) {
    return "";
  }
  if (fragment instanceof Html) {
    return fragment.text;
  }
  return typeof fragment === "object" ? fragment.map(toText).join("") : escape(String(fragment));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
