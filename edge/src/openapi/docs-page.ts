import { DOCS_STYLE } from "./docs-style.ts";
import type { OpenApiDocument, Operation } from "./document.ts";
import { Html, html } from "./html.ts";
import { schemaText, schemaView } from "./schema-view.ts";

/** The document as one page that needs no script and nothing from elsewhere. */
export function docsPage(document: OpenApiDocument): string {
  const { title } = document.info;
  const sections = sectionsOf(document);
  const { text } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${new Html(DOCS_STYLE)}
        </style>
      </head>
      <body>
        ${contents(document, sections)}${routesAndSchemas(document, sections)}
      </body>
    </html> `;
  return text;
}

/** The routes of one tag. */
interface Section {
  name: string;
  description: string;
  routes: Route[];
}

function sectionsOf({ tags, paths }: OpenApiDocument): Section[] {
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
  );
  return tags.map(({ name, description }) => ({
    name,
    description,
    routes: routes.filter(({ operation }) => operation.tags.includes(name)),
  }));
}

function contents({ info, components }: OpenApiDocument, sections: readonly Section[]): Html {
  return html`<nav>
    <strong>${info.title}</strong>
    ${sections.map(
      ({ name, routes }) =>
        html`<p>${name}</p>
          <ul>
            ${routes.map(
              ({ path, method, operation }) =>
                html`<li>
                  <a href="#${operation.operationId}">${method.toUpperCase()} ${path}</a>
                </li>`,
            )}
          </ul>`,
    )}
    <p>Schemas</p>
    <ul>
      ${Object.keys(components.schemas).map(
        (name) => html`<li><a href="#schema-${name}">${name}</a></li>`,
      )}
    </ul>
  </nav>`;
}

function routesAndSchemas(
  { info, components }: OpenApiDocument,
  sections: readonly Section[],
): Html {
  return html`<main>
    <h1>${info.title}</h1>
    <p>${info.description} As data: <a href="/openapi.json">/openapi.json</a>.</p>
    ${sections.map(
      ({ name, description, routes }) =>
        html`<h2>${name}</h2>
          <p>${description}</p>
          ${routes.map(routeView)}`,
    )}
    <h2>Schemas</h2>
    ${Object.entries(components.schemas).map(
      ([name, schema]) =>
        html`<section id="schema-${name}">
          <h3>${name}</h3>
          ${schemaView(schema)}
        </section>`,
    )}
  </main>`;
}

interface Route {
  method: string;
  path: string;
  operation: Operation;
}

function routeView({ method, path, operation }: Route): Html {
  const { operationId, summary, description, security, parameters = [] } = operation;
  const access = security.flatMap((scheme) => Object.keys(scheme))[0];
  return html`<section id="${operationId}">
    <h3><code class="${method}">${method.toUpperCase()}</code> <code>${path}</code></h3>
    <p>
      <strong>${summary}.</strong> ${description}
      ${access === undefined ? "Open to all." : html`Needs <code>${access}</code>.`}
    </p>
    ${
      parameters.length === 0
        ? undefined
        : html`<table>
            <caption>
              Parameters
            </caption>
            ${parameters.map(
              (parameter) =>
                html`<tr>
                  <td><code>${parameter.name}</code>
                  <td>${parameter.in}${parameter.required ? ", required" : ""}
                  <td>${schemaText(parameter.schema)}
                  <td>${parameter.description}
                 `,
            )}
          </table>`
    }
    ${
      operation.requestBody === undefined
        ? undefined
        : html`<p>
            Body${operation.requestBody.required ? "" : " (optional)"}:
            ${contentView(operation.requestBody.content)}
          </p>`
    }
    <table>
      <caption>
        Answers
      </caption>
      ${Object.entries(operation.responses).map(
        ([status, answer]) =>
          html`<tr>
            <td>${status}
            <td>${codes(answer.description)}
            <td>${contentView(answer.content ?? {})}
           `,
      )}
    </table>
  </section>`;
}

function contentView(content: NonNullable<Operation["requestBody"]>["content"]): Html[] {
  return Object.entries(content).map(
    ([type, { schema }]) => html`<code>${type}</code> ${schemaText(schema)} `,
  );
}

/** What stands between backticks, as code. */
function codes(text: string): Html[] {
  return text
    .split("`")
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}
