/** `npm run keys`: the operator's command for API keys. */
import { AdminKey, AdminKeyList, AdminKeyWithValue } from "../../../edge/src/admin/admin-key.ts";
import { StartError } from "../settings.ts";
import { connectAdminApi } from "./admin-api.ts";
import type { AdminApi } from "./admin-api.ts";
import { CommandError } from "./command-error.ts";
import { readCommandLine } from "./command-line.ts";
import type { Command } from "./command-line.ts";
import { KEYS_HELP } from "./help.ts";
import { changedTables } from "./key-options.ts";
import { keyText, listText } from "./key-text.ts";

type Told = AdminKey | AdminKeyList;

async function run(command: Exclude<Command, { name: "help" }>, api: AdminApi): Promise<Told> {
  switch (command.name) {
    case "create": {
      const body = changedTables({}, command.changes);
      return api.call({ method: "POST", path: "", body, answer: AdminKeyWithValue });
    }
    case "list":
      return api.call({ method: "GET", path: queryText(command.query), answer: AdminKeyList });
    case "show":
      return api.call({ method: "GET", path: pathOf(command.id), answer: AdminKey });
    case "change": {
      const path = pathOf(command.id);
      const current = await api.call({ method: "GET", path, answer: AdminKey });
      const body = changedTables(current, command.changes);
      return api.call({ method: "PATCH", path, body, answer: AdminKey });
    }
    case "rotate": {
      const path = `${pathOf(command.id)}/rotate`;
      const body = { overlap_seconds: command.overlapSeconds };
      return api.call({ method: "POST", path, body, answer: AdminKeyWithValue });
    }
    case "revoke": {
      const path = `${pathOf(command.id)}/revoke`;
      return api.call({ method: "POST", path, answer: AdminKey });
    }
  }
}

const pathOf = (id: string) => `/${encodeURIComponent(id)}`;

function queryText(query: Readonly<Record<string, string | string[]>>): string {
  const search = new URLSearchParams();
  for (const [name, values] of Object.entries(query)) {
    for (const value of [values].flat()) {
      search.append(name, value);
    }
  }
  return `?${search.toString()}`;
}

async function main(): Promise<void> {
  const { command, json } = readCommandLine(process.argv.slice(2), Date.now());
  if (command.name === "help") {
    console.log(KEYS_HELP);
    return;
  }
  const told = await run(command, await connectAdminApi(process.env));
  if (json) {
    console.log(JSON.stringify(told, null, 2));
  } else {
    console.log(told.object === "list" ? listText(told) : keyText(told));
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CommandError || error instanceof StartError)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
