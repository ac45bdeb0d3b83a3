import { KEY_OPTIONS } from "./key-options.ts";

const options = Object.entries(KEY_OPTIONS)
  .map(([name, { value, about, multiple = false }]) => {
    const more = multiple ? "; may be repeated" : "";
    return `  ${`--${name} ${value}`.padEnd(30)} ${about}${more}`;
  })
  .join("\n");

export const KEYS_HELP = `Issues, changes and ends API keys.

  npm run keys -- create --name NAME [options]    the key is shown this once
  npm run keys -- list [--owner OWNER] [--label NAME=VALUE] [--limit N] [--after ID]
  npm run keys -- show ID
  npm run keys -- change ID [options]
  npm run keys -- rotate ID [--overlap 24h]       a new value; the old one is taken so much longer
  npm run keys -- revoke ID                       for good, everywhere within 30 s

Each with --json for the API's own answer. Options of create and change; none takes one away:

${options}

API_URL names the API, ADMIN_TOKEN opens it; without them it is the one that npm start runs here.`;
