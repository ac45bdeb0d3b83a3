import { basename, resolve } from "node:path";

import { REPOSITORY, describeSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";

export const HELP = `Starts the whole API on this machine: the edge in the Workers runtime, the GPU worker on the CPU.

  npm start

Settings, by environment variable (with their defaults):

${describeSettings()}

  MODEL=/path/to/Qwen3-VL-2B-Instruct npm start
`;

export interface Address {
  url: string;
  apiKey: string;
}

/** What a newcomer needs to make the first call. */
export function banner({ MODEL }: Settings, { url, apiKey }: Address): string {
  const picture = resolve(REPOSITORY, "examples/shapes.png");
  return `
  Base URL  ${url}/v1
  API key   ${apiKey}
  Model     ${basename(MODEL)}

Ask it about a picture:

curl -N ${url}/v1/chat/completions \\
  -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' \\
  -d '{"model":"${basename(MODEL)}","stream":true,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,'"$(base64 < '${picture}' | tr -d '\\n')"'"}},{"type":"text","text":"Describe this image."}]}]}'

Another checkpoint: MODEL=/path/to/Qwen3-VL-2B-Instruct npm start
All settings:       npm start -- --help
`;
}
