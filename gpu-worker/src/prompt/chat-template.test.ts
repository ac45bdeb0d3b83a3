import { ApiError } from "@qwen3-vl/shared/errors";
import { describe, expect, it } from "vitest";

import { chatTemplateSource } from "./chat-template-source.ts";
import { ChatTemplate } from "./chat-template.ts";

const tokens = { bosToken: "<s>", eosToken: "</s>" };
const messages = [{ role: "user", content: "Hi" }] as const;

describe("ChatTemplate", () => {
  it("gives the template what transformers gives it", () => {
    const source =
      "{{ bos_token }}{{ messages[0].content }}{% if tools or add_vision_id %}no{% endif %}{% if add_generation_prompt %}!{% endif %}{{ eos_token }}";
    expect(new ChatTemplate(source, tokens).render({ messages, tools: [] })).toBe("<s>Hi!</s>");
  });

  it("prints JSON as Python's json.dumps(ensure_ascii=False) does", () => {
    const tools = [
      { type: "function", function: { a: [1, 2.5, null, true], b: {}, é: '"\n' } },
    ] as const;
    expect(new ChatTemplate("{{ tools[0] | tojson }}", tokens).render({ messages, tools })).toBe(
      String.raw`{"type": "function", "function": {"a": [1, 2.5, null, true], "b": {}, "é": "\"\n"}}`,
    );
  });

  it.each(["{{ raise_exception('/etc/secret') }}", "{{ messages.foo() }}"])(
    "refuses a conversation without the words of the failure: %s",
    (source) => {
      const render = () => new ChatTemplate(source, tokens).render({ messages });
      expect(render).toThrow(ApiError);
      expect(render).toThrow(/^messages: this model's chat template does not accept/u);
    },
  );

  it("refuses a template that does not compile", () => {
    expect(() => new ChatTemplate("{% if %}", tokens)).toThrow("does not compile");
  });
});

describe("chatTemplateSource", () => {
  const inJson = { "chat_template.json": '{"chat_template": "json"}' };
  const inConfig = { "tokenizer_config.json": '{"chat_template": "config"}' };

  it("prefers the .jinja file, then chat_template.json, then tokenizer_config.json", () => {
    expect(chatTemplateSource({ "chat_template.jinja": "jinja", ...inJson })).toBe("jinja");
    expect(chatTemplateSource({ ...inJson, ...inConfig })).toBe("json");
    expect(chatTemplateSource(inConfig)).toBe("config");
  });

  it("takes the default of several named templates", () => {
    const named = [
      { name: "rag", template: "a" },
      { name: "default", template: "b" },
    ];
    const config = JSON.stringify({ chat_template: named });
    expect(chatTemplateSource({ "tokenizer_config.json": config })).toBe("b");
  });

  it("says where it looked when there is none", () => {
    expect(() => chatTemplateSource({ "tokenizer_config.json": "{}" })).toThrow(
      /no chat template: expected/u,
    );
  });
});
