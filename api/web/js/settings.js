// Settings of a conversation and of the page.
import { channel as fetchChannel } from "./api.js";
import { dialog } from "./dialog.js";
import { h, toast } from "./dom.js";
import { sampling } from "./generation.js";
import { preferences } from "./preferences.js";

/**
 * Opens the settings. `settings` is changed in place and `onChange` told; `onKey` is told when the API key
 * has changed. `focus` is the id of the field to begin with.
 */
export function openSettings({ settings, channel, onChange, onKey, focus }) {
  const change = (name, value) => {
    if (value === "") delete settings[name];
    else settings[name] = value;
    onChange();
  };
  const system = h("textarea", { id: "setting-system", rows: 3, value: settings.system ?? "", placeholder: "The channel's own", oninput: () => change("system", system.value) });
  const stop = h("textarea", { id: "setting-stop", rows: 2, value: settings.stop ?? "", placeholder: "One a line", oninput: () => change("stop", stop.value) });
  const numbers = sampling.map((s) => field(s, settings, change));
  const key = h("input", {
    id: "setting-key", type: "password", autocomplete: "off", value: preferences.get("key"), placeholder: "None",
    oninput: () => preferences.set("key", key.value.trim()),
  });
  const body = h("form", { class: "settings", onsubmit: (event) => event.preventDefault() },
    h("fieldset", {}, h("legend", {}, "This conversation"),
      h("p", { class: "lead" }, "What is empty is as the channel has it."),
      row("setting-system", "System prompt", system),
      h("div", { class: "numbers" }, numbers),
      row("setting-stop", "Stop texts", stop, "The answer ends before any of these."),
      h("button", {
        type: "button", class: "button quiet",
        onclick: () => { preferences.set("defaults", { ...settings }); toast("New conversations begin with these settings."); },
      }, "Begin new conversations with these")),
    h("fieldset", {}, h("legend", {}, "This browser"), themes(),
      row("setting-key", "API key", key, "Only for servers that want one. It is kept in this browser and sent to this server alone.")));
  const before = preferences.get("key");
  dialog("settings", "Settings", body, () => { if (preferences.get("key") !== before) onKey(); });
  if (focus) document.getElementById(focus)?.focus();
  if (channel) showDefaults(channel);
}

function row(id, label, control, hint) {
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "row" }, h("label", { htmlFor: id }, label), control, hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

function field({ name, label, hint, ...limits }, settings, change) {
  const id = `setting-${name}`;
  const input = h("input", {
    id, type: "number", inputMode: "decimal", ...limits, value: settings[name] ?? "", placeholder: "–",
    oninput: () => { if (input.checkValidity()) change(name, input.value); },
  });
  return row(id, label, input, hint);
}

function themes() {
  const choices = [["auto", "As the system"], ["light", "Light"], ["dark", "Dark"]];
  return h("div", { class: "row" }, h("span", { id: "theme-label", class: "label" }, "Appearance"),
    h("div", { class: "segments", role: "radiogroup", "aria-labelledby": "theme-label" }, choices.map(([value, label]) =>
      h("label", {}, h("input", {
        type: "radio", name: "theme", value, checked: preferences.get("theme") === value,
        onchange: () => { preferences.set("theme", value); document.documentElement.dataset.theme = value; },
      }), h("span", {}, label)))));
}

/** Shows the channel's own values where nothing is set. */
async function showDefaults(name) {
  let k;
  try {
    ({ kakeya: k } = await fetchChannel(name));
  } catch {
    return; // the fields say less, and work
  }
  for (const s of sampling) {
    const value = s.name === "max_tokens" ? k.limits.max_tokens : k.sampling[s.name];
    const input = document.getElementById(`setting-${s.name}`);
    if (input && value !== undefined) input.placeholder = String(Math.round(value * 1000) / 1000);
  }
  const system = document.getElementById("setting-system");
  if (system && k.system_prompt) system.placeholder = k.system_prompt;
}
