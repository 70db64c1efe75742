// Runs steps.json by the npm packages openai and @anthropic-ai/sdk and prints what each step gave, one JSON object a line.
//
//   run.cjs URL steps.json       (URL without /v1; the packages are in the folder $KAKEYA_NPM)

const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");

const installed = createRequire(process.env.KAKEYA_NPM + "/");
const OpenAI = installed("openai");
const Anthropic = installed("@anthropic-ai/sdk");

const [url, file] = process.argv.slice(2);
const ours = new OpenAI({ baseURL: url + "/v1", apiKey: "unused", maxRetries: 0 });
const theirs = new Anthropic({ baseURL: url, apiKey: "unused", maxRetries: 0 });
const results = {};

// fill puts what earlier steps gave in the place of {"$from": path}.
function fill(value) {
  if (Array.isArray(value)) return value.map(fill);
  if (value === null || typeof value !== "object") return value;
  if (value.$from) return value.$from.reduce((found, key) => found[key], results);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fill(v)]));
}

const whole = (create) => async (params) => ({ answer: await create(params) });

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(structuredClone(event));
  return events;
}

async function chatStream(params, step) {
  const events = [];
  let cancelled = null;
  try {
    const stream = ours.chat.completions.stream(params);
    for await (const chunk of stream) {
      events.push(structuredClone(chunk));
      if (events.length === step.cancel_after) cancelled = await ours.delete("/kakeya/requests/" + chunk.id);
    }
    return { events, answer: await stream.finalChatCompletion() };
  } catch (e) {
    return { events, cancelled, error: error(e) };
  }
}

async function responsesStream(params) {
  const stream = ours.responses.stream(params);
  return { events: await all(stream), answer: await stream.finalResponse() };
}

async function messagesStream(params) {
  const stream = theirs.messages.stream(params);
  return { events: await all(stream), answer: await stream.finalMessage() };
}

function error(e) {
  if (!(e instanceof OpenAI.APIError || e instanceof Anthropic.APIError)) throw e;
  const body = e.error?.error ?? e.error ?? {};
  return { status: e.status ?? null, message: e.message, type: body.type, code: body.code, param: body.param };
}

const calls = {
  "models.list": async () => ({ answer: (await ours.models.list()).data }),
  "models.retrieve": whole((p) => ours.models.retrieve(p.model)),
  "chat": whole((p) => ours.chat.completions.create(p)),
  "chat.stream": chatStream,
  "completions": whole((p) => ours.completions.create(p)),
  "completions.stream": async (p) => ({ events: await all(await ours.completions.create({ ...p, stream: true })) }),
  "responses": whole((p) => ours.responses.create(p)),
  "responses.stream": responsesStream,
  "embeddings": whole((p) => ours.embeddings.create(p)),
  "messages": whole((p) => theirs.messages.create(p)),
  "messages.stream": messagesStream,
  "messages.count_tokens": whole((p) => theirs.messages.countTokens(p)),
};

async function main() {
  for (const step of JSON.parse(readFileSync(file, "utf8"))) {
    let result;
    try {
      result = await calls[step.call]({ ...fill(step.params ?? {}), ...step.extra }, step);
    } catch (e) {
      result = { error: error(e) };
    }
    results[step.name] = result;
    console.log(JSON.stringify({ step: step.name, result }));
  }
}

main();
