// One answer as it comes: the request, what it measures, and how it ends.
import { chat } from "./api.js";
import { messagesFor } from "./tree.js";

/** The sampling settings, under the names of the API's fields. */
export const sampling = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.05, hint: "0 always takes the likeliest token" },
  { name: "top_p", label: "Top p", min: 0, max: 1, step: 0.01, hint: "The likeliest tokens up to this share" },
  { name: "top_k", label: "Top k", min: 0, max: 1000, step: 1, hint: "The k likeliest tokens; 0 is all" },
  { name: "min_p", label: "Min p", min: 0, max: 1, step: 0.01, hint: "Least share of the likeliest one's" },
  { name: "repeat_penalty", label: "Repeat penalty", min: 0, max: 10, step: 0.05, hint: "1 is off" },
  { name: "max_tokens", label: "Longest answer", min: 1, step: 1, hint: "In tokens" },
  { name: "seed", label: "Seed", min: 0, step: 1, hint: "The same seed, the same answer" },
];

const running = new Map(); // conversation id: AbortController

export const isRunning = (id) => running.has(id);

/** Ends the generation of a conversation, in the daemon too. */
export const stop = (id) => running.get(id)?.abort();

/** Ends all of them. */
export const stopAll = () => running.forEach((controller) => controller.abort());

/**
 * Lets the channel of a conversation answer into `node`, an assistant's message that is there already and
 * marked as streaming.
 * `onUpdate` is called after every change, and once after the end; it never throws.
 */
export async function generate(conversation, node, onUpdate) {
  const controller = new AbortController();
  running.set(conversation.id, controller);
  const body = { model: conversation.channel, messages: messagesFor(conversation, node.parent), ...settingsOf(conversation.settings) };
  await fill(node, body, controller.signal, onUpdate);
  running.delete(conversation.id);
  conversation.updated = Date.now();
  onUpdate();
}

/**
 * Streams the answer to a request into `node`, which is marked as streaming. `onUpdate` is called after every
 * change; it never throws.
 */
export async function fill(node, body, signal, onUpdate) {
  const began = performance.now();
  let first = 0;
  let pieces = 0;
  try {
    for await (const chunk of chat({ ...body, stream: true, stream_options: { include_usage: true } }, signal)) {
      const choice = chunk.choices?.[0];
      const { content, reasoning_content: thought, tool_calls: calls } = choice?.delta ?? {};
      if (content || thought || calls) {
        first ||= performance.now();
        pieces++;
      }
      if (thought) node.reasoning = (node.reasoning ?? "") + thought;
      if (content) node.content += content;
      if (chunk.model && chunk.model !== body.model) node.by = chunk.model; // which of two channels it was
      if (choice?.finish_reason) node.finish = choice.finish_reason;
      if (chunk.timings || chunk.usage) node.stats = { ...node.stats, ...statsOf(chunk) };
      onUpdate();
    }
  } catch (error) {
    if (error.name === "AbortError") node.finish = "stopped";
    else node.error = { message: error.message, code: error.code ?? "", status: error.status ?? 0 };
  }
  if (first) {
    const seconds = (performance.now() - first) / 1000;
    // An answer that was stopped has no figures of the daemon's: those of the browser stand in.
    node.stats = { tokens: pieces, rate: pieces > 1 && seconds > 0 ? (pieces - 1) / seconds : 0, measured: !node.stats, ...node.stats, first: first - began };
  }
  delete node.streaming;
  onUpdate();
}

/** What a request says of settings. */
export function settingsOf(settings) {
  const body = {};
  for (const { name } of sampling) {
    const value = settings[name];
    if (value !== undefined && value !== null && value !== "") body[name] = Number(value);
  }
  const stops = (settings.stop ?? "").split("\n").filter(Boolean);
  if (stops.length) body.stop = stops;
  return body;
}

function statsOf({ timings, usage }) {
  const out = {};
  if (timings) {
    out.tokens = timings.predicted_n;
    out.rate = timings.predicted_per_second;
  }
  if (usage) {
    out.tokens = usage.completion_tokens;
    out.prompt = usage.prompt_tokens;
    out.cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  }
  return out;
}
