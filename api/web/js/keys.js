// What the keyboard does.
import { dialog } from "./dialog.js";
import { h } from "./dom.js";

const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const control = apple ? "⌘" : "Ctrl";

const help = [
  ["Enter", "send"], ["Shift Enter", "a new line"], ["Esc", "stop the answer"], ["↑", "edit the last message, when the field is empty"],
  [`${control} Shift O`, "new conversation"], [`${control} K`, "search conversations"], [`${control} Shift L`, "choose a channel"],
  [`${control} ,`, "settings"], ["/", "to the message field"], ["|", "two channels side by side"], ["?", "this list"],
];

export function openHelp() {
  dialog("keys", "Keyboard", h("dl", { class: "keys" }, help.map(([keys, what]) =>
    h("div", {}, h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, what)))));
}

/** Listens for the page's keys. `actions` has one function a name below. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const writes = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
    const action = actionOf(event, writes);
    if (!action) return;
    event.preventDefault();
    actions[action]();
  });
}

function actionOf(event, writes) {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (event.shiftKey) return { o: "newChat", l: "channels" }[key];
    return { k: "search", ",": "settings" }[key];
  }
  if (key === "escape") return "stop";
  return writes || event.altKey ? undefined : { "/": "write", "?": "help", "|": "sides" }[key];
}
