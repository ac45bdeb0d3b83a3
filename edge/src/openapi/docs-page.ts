import { DOCS_STYLE } from "./docs-style.ts";
import type { OpenApiDocument } from "./document.ts";
import { Html, html } from "./html.ts";
import { routeView } from "./route-view.ts";
import type { Route } from "./route-view.ts";
import { schemaView } from "./schema-view.ts";

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
