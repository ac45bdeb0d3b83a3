export const user = (content: unknown) => ({ role: "user", content });

export const tool = (parameters: unknown) => ({
  type: "function",
  function: { name: "f", parameters },
});

export const schema = (value: unknown) => ({
  type: "json_schema",
  json_schema: { name: "answer", schema: value },
});
