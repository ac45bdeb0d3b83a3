/**
 * The chat template of a checkpoint that thinks, for tests: thoughts of the turn that goes on are shown
 * again, older ones are not, and the answer begins within one unless `enable_thinking` is false.
 */
export const THINKING_TEMPLATE = String.raw`{%- macro text_of(content) -%}
    {%- if content is string -%}{{ content }}
    {%- else -%}
        {%- for part in content -%}
            {%- if part.type == 'image' -%}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}
            {%- elif part.type == 'text' -%}{{ part.text }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
{%- set turn = namespace(start=0, found=false) -%}
{%- for message in messages[::-1] -%}
    {%- if not turn.found and message.role == 'user' and not text_of(message.content).startswith('<tool_response>') -%}
        {%- set turn.start = messages | length - 1 - loop.index0 -%}
        {%- set turn.found = true -%}
    {%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
    {%- set content = text_of(message.content) -%}
    {{- '<|im_start|>' ~ ('user' if message.role == 'tool' else message.role) ~ '\n' -}}
    {%- if message.role == 'assistant' -%}
        {%- set thought = message.reasoning_content if message.reasoning_content is string else '' -%}
        {%- if '</think>' in content -%}
            {%- set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') -%}
            {%- set content = content.split('</think>')[-1].lstrip('\n') -%}
        {%- endif -%}
        {%- if loop.index0 > turn.start and thought -%}
            {{- '<think>\n' ~ thought.strip('\n') ~ '\n</think>\n\n' -}}
        {%- endif -%}
        {{- content -}}
        {%- for call in message.tool_calls or [] -%}
            {{- '\n<tool_call>\n{"name": "' ~ call.function.name ~ '", "arguments": ' ~ call.function.arguments | tojson ~ '}\n</tool_call>' -}}
        {%- endfor -%}
    {%- elif message.role == 'tool' -%}
        {{- '<tool_response>\n' ~ content ~ '\n</tool_response>' -}}
    {%- else -%}
        {{- content -}}
    {%- endif -%}
    {{- '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\n<think>\n' -}}
    {%- if hybrid and enable_thinking is defined and enable_thinking is false -%}{{- '\n</think>\n\n' -}}{%- endif -%}
{%- endif -%}`;

/** The same for a checkpoint that also answers without a thought. */
export const HYBRID_TEMPLATE = `{%- set hybrid = true -%}${THINKING_TEMPLATE}`;
