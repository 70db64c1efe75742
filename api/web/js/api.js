// Talking to the daemon that served the page.
import { preferences } from "./preferences.js";

/** What the daemon said no with, or that it did not answer. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

const address = (path) => new URL(path, document.baseURI);

async function request(path, { body, signal } = {}) {
  const headers = {};
  const key = preferences.get("key");
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path), { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The daemon does not answer. Is kakeyad still running?", { code: "unreachable" });
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  const text = await response.text().catch(() => "");
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // Not the daemon's own words: a proxy between.
  }
  return new ApiError(error.message || `The server answered ${response.status} ${response.statusText}.`, {
    status: response.status, code: error.code ?? "", retryAfter: Number(response.headers.get("Retry-After")) || 0,
  });
}

/** The channels that are configured. */
export async function channels() {
  return (await (await request("v1/models")).json()).data;
}

/** One channel and all that it is made of. */
export async function channel(id) {
  return (await request(`v1/models/${id.split("/").map(encodeURIComponent).join("/")}`)).json();
}

/**
 * Streams a chat's chunks as they come. Aborting the signal closes the connection, by which the daemon
 * ends the generation. A stream that breaks off before its end throws.
 */
export async function* chat(body, signal) {
  const response = await request("v1/chat/completions", { body, signal });
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiError(chunk.error.message, { code: chunk.error.code ?? "" });
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ApiError || error.name === "AbortError") throw error;
    throw new ApiError("The connection broke in the middle of the answer.", { code: "broken" });
  }
  throw new ApiError("The answer ended before it was whole.", { code: "broken" });
}

/** The data of a stream's events. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
      const data = held.slice(0, end).split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      held = held.slice(end + 2);
      if (data.length) yield data.join("\n");
    }
  }
}
