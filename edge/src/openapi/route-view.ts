import type { Operation } from "./document.ts";
import { html, withCode } from "./html.ts";
import type { Html } from "./html.ts";
import { schemaText } from "./schema-view.ts";

export interface Route {
  method: string;
  path: string;
  operation: Operation;
}

/** One operation: what it is for, what it takes, an example to copy, and how it answers. */
export function routeView({ method, path, operation }: Route): Html {
  const { operationId, summary, description = "", security, responses } = operation;
  const access = security.flatMap((scheme) => Object.keys(scheme))[0];
  return html`<section id="${operationId}">
    <h3><code class="${method}">${method.toUpperCase()}</code> <code>${path}</code></h3>
    <p>
      <strong>${summary}.</strong> ${withCode(description)}
      ${access === undefined ? "Open to all." : html`Needs <code>${access}</code>.`}
    </p>
    ${parametersView(operation)} ${bodyView(operation)} ${exampleView(path, operation)}
    <table>
      <caption>
        Answers
      </caption>
      ${Object.entries(responses).map(
        ([status, answer]) =>
          html`<tr>
            <td>${status}</td>
            <td>${withCode(answer.description)}</td>
            <td>${contentView(answer.content ?? {})}</td>
          </tr>`,
      )}
    </table>
  </section>`;
}

function parametersView({ parameters = [] }: Operation): Html | undefined {
  if (parameters.length === 0) {
    return undefined;
  }
  return html`<table>
    <caption>
      Parameters
    </caption>
    ${parameters.map(
      ({ name, in: place, required, schema, description }) =>
        html`<tr>
          <td><code>${name}</code></td>
          <td>${place}${required ? ", required" : ""}</td>
          <td>${schemaText(schema)}</td>
          <td>${withCode(description)}</td>
        </tr>`,
    )}
  </table>`;
}

function bodyView({ requestBody: body }: Operation): Html | undefined {
  return body === undefined
    ? undefined
    : html`<p>Body${body.required ? "" : " (optional)"}: ${contentView(body.content)}</p>`;
}

function exampleView(path: string, { requestBody }: Operation): Html | undefined {
  const example = requestBody?.content["application/json"]?.example;
  if (example === undefined) {
    return undefined;
  }
  const json = JSON.stringify(example, null, 2);
  return html`<pre>
curl https://HOST${path} -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' -d '${json}'</pre>`;
}

function contentView(content: NonNullable<Operation["requestBody"]>["content"]): Html[] {
  return Object.entries(content).map(
    ([type, { schema }]) => html`<code>${type}</code> ${schemaText(schema)} `,
  );
}
