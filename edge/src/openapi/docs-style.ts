/** Two columns, the system's fonts, dark where the reader's system is. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --line: #8884; --accent: #4a6cf7; }
* { box-sizing: border-box; }
body { margin: 0; display: flex; font: 16px/1.5 system-ui, sans-serif; }
nav { width: 22rem; height: 100vh; position: sticky; top: 0; overflow: auto; padding: 1.5rem; border-right: 1px solid var(--line); font-size: .85rem; }
nav ul { list-style: none; padding: 0; margin: 0 0 1rem; }
nav p { margin: 1rem 0 .25rem; font-weight: 600; }
nav a { text-decoration: none; overflow-wrap: anywhere; }
main { flex: 1; min-width: 0; max-width: 60rem; padding: 1.5rem 2.5rem 50vh; }
a { color: var(--accent); }
section { border-top: 1px solid var(--line); padding: .5rem 0 1rem; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
h3 code:first-child:not(:only-child) { color: #fff; background: var(--accent); padding: .15rem .5rem; border-radius: .25rem; }
h3 code.get { background: #2e7d32; }
h3 code.delete { background: #c62828; }
table { width: 100%; border-collapse: collapse; margin: .75rem 0; font-size: .9rem; }
caption { text-align: left; font-weight: 600; }
td { border-top: 1px solid var(--line); padding: .35rem .75rem .35rem 0; vertical-align: top; }
pre { background: #8882; padding: .75rem; border-radius: .25rem; overflow: auto; font: .8rem ui-monospace, monospace; white-space: pre-wrap; }
details > summary { cursor: pointer; }
details { margin: .25rem 0; padding-left: .75rem; border-left: 2px solid var(--line); }
@media (max-width: 50rem) { body { display: block; } nav { width: auto; height: auto; position: static; } main { padding: 1rem; } }
`;
