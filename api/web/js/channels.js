// The picker of channels: what there is, what each is made of, and its warnings.
import { ApiError, channel as fetchChannel, channels as fetchChannels } from "./api.js";
import { byId, h, icon } from "./dom.js";
import { dialog } from "./dialog.js";

const states = { loaded: "Loaded", loading: "Loading", unloaded: "Loads when asked", missing: "File missing" };

let known = [];

/** The channels as they were last asked for. */
export const knownChannels = () => known;

/** Asks for the channels; what goes wrong is thrown. */
export async function refreshChannels() {
  known = await fetchChannels();
  return known;
}

/** Finds a channel by its name or an alias. */
export function findChannel(name) {
  return known.find((c) => c.id === name) ?? known.find((c) => c.kakeya.aliases?.includes(name));
}

/** Shows on the button which channel it is. */
export function showChannel(name) {
  const found = findChannel(name);
  byId("channel-name").textContent = name || "No channel";
  byId("channel-dot").className = `dot ${found?.kakeya.state ?? "missing"}`;
}

/** Lets the person choose; `onChoose` is told the name. */
export async function chooseChannel(current, onChoose) {
  const list = h("div", { class: "channel-list", role: "radiogroup", "aria-label": "Channels" });
  const box = dialog("channels", "Channels", h("div", {},
    h("p", { class: "lead" }, "A channel is a model, what runs it, and how."), list));
  list.append(h("p", { class: "nothing" }, "Asking the daemon…"));
  try {
    await refreshChannels();
  } catch (error) {
    list.replaceChildren(h("p", { class: "trouble-line" }, error.message));
    return;
  }
  if (!known.length) {
    list.replaceChildren(h("p", { class: "nothing" }, "No channel is configured: put a GGUF file into the models folder, or fetch one by kakeyad pull."));
    return;
  }
  const close = () => box.close();
  list.replaceChildren(...known.map((c) => card(c, c.id === current, onChoose, close)));
  (list.querySelector("input:checked") ?? list.querySelector("input:enabled"))?.focus();
}

function card(c, chosen, onChoose, close) {
  const { state, warnings, aliases } = c.kakeya;
  const details = h("div", { class: "channel-details" });
  const input = h("input", { type: "radio", name: "channel", value: c.id, checked: chosen, disabled: state === "missing", onchange: () => { onChoose(c.id); fill(details, c.id); } });
  const element = h("div", { class: `channel-card ${state}` },
    // A click chooses and is done; arrow keys, whose clicks come from the radio button itself, look around.
    h("label", { onclick: (event) => event.target !== input && !input.disabled && setTimeout(close, 250) }, input, h("span", { class: `dot ${state}`, "aria-hidden": "true" }),
      h("span", { class: "channel-title" }, c.id), h("span", { class: "channel-state" }, states[state] ?? state)),
    h("p", { class: "channel-id" }, c.kakeya.channel, aliases?.length ? h("span", {}, ` · also ${aliases.join(", ")}`) : ""),
    (warnings ?? []).map((text) => h("p", { class: "warning" }, icon("warning"), text)),
    details);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") close(); });
  if (chosen) fill(details, c.id);
  return element;
}

async function fill(details, id) {
  try {
    const { kakeya: k } = await fetchChannel(id);
    details.replaceChildren(h("dl", {}, facts(k).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    details.replaceChildren(h("p", { class: "trouble-line" }, error.message));
  }
}

/** What a channel is made of, as pairs. */
function facts(k) {
  const loaded = k.loaded ?? {};
  const bytes = (loaded.weight_bytes ?? 0) + (loaded.kv_bytes ?? 0) + (loaded.compute_bytes ?? 0);
  return [
    k.ab && ["Two channels", k.ab.shadow ? `${k.ab.a}; ${k.ab.b} answers unseen` : `${k.ab.a}, and ${k.ab.b} for ${+(100 * k.ab.split).toFixed(2)} %`],
    ["Model", k.profile || k.model],
    ["File", k.file.split("/").at(-1)],
    ["Backend", k.backend],
    ["KV codec", k.codec ? `${k.codec.name} q${k.codec.q}${k.codec.boundary ? `, boundary ${k.codec.boundary}` : ""}` : "none"],
    ["Drafter", k.drafter || "none"],
    loaded.architecture && ["Architecture", [loaded.architecture, loaded.quantization].filter(Boolean).join(", ")],
    loaded.parameters && ["Parameters", count(loaded.parameters)],
    loaded.context && ["Context", `${loaded.context.toLocaleString("en")} tokens`],
    bytes && ["Memory", size(bytes)],
    k.system_prompt && ["System prompt", k.system_prompt],
  ].filter(Boolean);
}

function count(n) {
  return n >= 1e9 ? `${(n / 1e9).toFixed(1)} billion` : `${Math.round(n / 1e6)} million`;
}

function size(bytes) {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** One line of what a channel is, for the welcome. */
export async function summaryOf(name) {
  const { kakeya: k } = await fetchChannel(name);
  return [k.profile || k.model, k.backend, k.codec && `${k.codec.name} q${k.codec.q}`, k.drafter].filter(Boolean).join(" · ");
}

