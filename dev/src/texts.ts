import { resolve } from "node:path";

import { REPOSITORY, describeSettings } from "./settings.ts";

export const HELP = `Starts the whole API on this machine: the edge in the Workers runtime, the GPU worker on the CPU.

  npm start

Settings, by environment variable (with their defaults):

${describeSettings()}

  MODEL=Qwen/Qwen3-VL-2B-Instruct npm start
  MODEL=/path/to/Qwen3-VL-2B-Instruct npm start
`;

export interface Started {
  url: string;
  apiKey: string;
  /** What clients call the model. */
  model: string;
}

/** What a newcomer needs to make the first call. */
export function banner({ url, apiKey, model }: Started): string {
  const picture = resolve(REPOSITORY, "examples/shapes.png");
  return `
  Base URL  ${url}/v1
  API key   ${apiKey}
  Model     ${model}

Ask it about a picture:

curl -N ${url}/v1/chat/completions \\
  -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' \\
  -d '{"model":"${model}","stream":true,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,'"$(base64 < '${picture}' | tr -d '\\n')"'"}},{"type":"text","text":"Describe this image."}]}]}'

Another checkpoint: MODEL=Qwen/Qwen3-VL-2B-Instruct npm start
More keys:          npm run keys -- --help
All settings:       npm start -- --help
`;
}
