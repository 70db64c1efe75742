// The chat page: puts its parts together.
import { chooseChannel, findChannel, knownChannels, refreshChannels, showChannel, summaryOf } from "./channels.js";
import { Composer } from "./composer.js";
import { dialog } from "./dialog.js";
import { announce, byId, h, toast } from "./dom.js";
import { exportJSON, exportMarkdown, readFile } from "./files.js";
import { generate, isRunning, stop, stopAll } from "./generation.js";
import { listen, openHelp } from "./keys.js";
import { preferences } from "./preferences.js";
import { openSettings } from "./settings.js";
import { openSides } from "./sides.js";
import { Sidebar } from "./sidebar.js";
import * as store from "./store.js";
import { Thread } from "./thread.js";
import { add, newConversation, show, titleOf, versions } from "./tree.js";

const starters = [
  ["Explain", "Explain how a rainbow forms, in three short paragraphs."],
  ["Write", "Write a haiku about the sea at night."],
  ["Code", "Write a Python function that tells whether a word is a palindrome, and show how to call it."],
  ["Compare", "Compare tea and coffee in a table: taste, caffeine, how to make them."],
];

let current; // the conversation that is shown; a new one is not saved before its first message

const thread = new Thread({ edit, retry, flip, explain });
const composer = new Composer({ send, stop: () => stop(current.id), editLast: () => thread.editLast() });
const sidebar = new Sidebar({
  open: openConversation,
  rename: (id, title) => { const c = store.get(id); c.title = title; persist(c); draw(); },
  exportMarkdown: (id) => exportMarkdown(store.get(id)),
  exportJSON: (id) => exportJSON([store.get(id)]),
  remove: removeConversation,
});

function draw() {
  const busy = isRunning(current.id);
  const empty = !current.head;
  byId("welcome").hidden = !empty;
  byId("thread").hidden = empty;
  thread.show(empty ? null : current, busy);
  composer.setBusy(busy);
  sidebar.show(store.all(), current.id, isRunning);
  showChannel(current.channel);
  document.title = empty ? "kakeyad" : `${titleOf(current)} – kakeyad`;
}

/** Saves a conversation without what holds for the moment only. */
function persist(c) {
  store.save(c).catch(() => notice("This browser has no room left for conversations: export and delete some."));
}

function notice(text, action, onAction) {
  const element = byId("notice");
  element.hidden = !text;
  element.replaceChildren(text ?? "", action ? h("button", { type: "button", class: "link-button", onclick: onAction }, action) : "");
}

function startConversation() {
  current = newConversation(current?.channel || firstChannel(), preferences.get("defaults"));
  draw();
  welcome();
  sidebar.leave();
  history.replaceState(null, "", location.pathname);
  composer.focus();
}

function openConversation(id) {
  const found = store.get(id);
  if (!found) return;
  current = found;
  draw();
  sidebar.leave();
  history.replaceState(null, "", `#${id}`);
  composer.focus();
}

async function removeConversation(id) {
  const gone = store.get(id);
  stop(id);
  await store.remove(id);
  if (current.id === id) startConversation();
  else draw();
  toast(`Deleted “${titleOf(gone)}”.`, "Undo", () => { persist(gone); draw(); });
}

function send(text) {
  if (!current.channel) {
    notice("Choose a channel first.", "Choose", pickChannel);
    return;
  }
  composer.text = "";
  const question = add(current, current.head, { role: "user", content: text });
  answer(question);
}

/** Lets the channel answer a message. */
async function answer(question) {
  const conversation = current;
  const node = add(conversation, question.id, { role: "assistant", channel: conversation.channel, streaming: true });
  history.replaceState(null, "", `#${conversation.id}`);
  thread.follows = true;
  persist(conversation);
  announce("Waiting for the answer");
  let drawn = false;
  let saved = performance.now();
  const done = generate(conversation, node, () => {
    if (performance.now() - saved > 2000) {
      saved = performance.now();
      persist(conversation);
    }
    if (drawn || current !== conversation) return;
    drawn = true;
    requestAnimationFrame(() => {
      drawn = false;
      if (current === conversation) thread.refresh(node, isRunning(conversation.id));
    });
  });
  draw();
  await done;
  persist(conversation);
  draw();
  announce(node.error ? `Error: ${node.error.message}` : node.finish === "stopped" ? "Stopped" : "The answer is complete");
  refreshChannels().then(() => showChannel(current.channel), () => {}); // its state may have changed
}

function edit(node, text) {
  answer(add(current, node.parent, { role: "user", content: text }));
}

function retry(node) {
  if (isRunning(current.id)) return;
  answer(current.nodes[node.parent]);
}

function flip(node, by) {
  const all = versions(current, node);
  show(current, all[all.findIndex((v) => v.id === node.id) + by]);
  persist(current);
  draw();
}

/** Leads to what mends an error. */
function explain(node) {
  if (node.error.status === 401) settings("setting-key");
  else pickChannel();
}

function settings(focus) {
  openSettings({
    settings: current.settings, channel: current.channel, focus,
    onChange: () => { if (current.head) persist(current); },
    onKey: connect,
  });
}

/** Puts two channels side by side. */
function sides() {
  openSides(current.settings, current.channel);
}

function pickChannel() {
  chooseChannel(current.channel, (name) => {
    current.channel = name;
    preferences.set("channel", name);
    notice();
    showChannel(name);
    if (current.head) persist(current);
    else welcome();
  });
}

function firstChannel() {
  const usable = knownChannels().filter((c) => c.kakeya.state !== "missing");
  const wanted = [findChannel(preferences.get("channel")), findChannel("default"), usable.find((c) => c.kakeya.state === "loaded"), usable[0]];
  return wanted.find((c) => c && usable.includes(c))?.id ?? "";
}

/** Fills the page that a new conversation begins on. */
async function welcome() {
  byId("starters").replaceChildren(...starters.map(([title, text]) => h("li", {}, h("button", {
    type: "button", onclick: () => { composer.text = text; composer.focus(); },
  }, h("strong", {}, title), h("span", {}, text)))));
  const facts = byId("welcome-facts");
  const name = current.channel;
  if (!name) {
    facts.textContent = "";
    return;
  }
  const text = await summaryOf(name).catch(() => "");
  if (name === current.channel) facts.textContent = text;
}

function openData() {
  const input = h("input", {
    type: "file", accept: "application/json,.json", id: "import-file", class: "sr",
    onchange: async () => {
      try {
        const read = await readFile(input.files[0]);
        read.forEach(persist);
        box.close();
        draw();
        toast(`${read.length} conversation${read.length === 1 ? "" : "s"} imported.`);
      } catch (error) {
        problem.textContent = error.message;
      }
    },
  });
  const problem = h("p", { class: "trouble-line", role: "alert" });
  const box = dialog("data", "Export and import", h("div", { class: "data" },
    h("p", { class: "lead" }, "Conversations are kept in this browser, and nowhere else."),
    h("div", { class: "data-actions" },
      h("button", { type: "button", class: "button", disabled: !store.all().length, onclick: () => exportJSON(store.all(), "kakeyad-conversations") }, "Export all"),
      h("label", { class: "button quiet", htmlFor: "import-file" }, "Import a file"), input), problem));
}

/** Asks the daemon what there is; what is wrong is said above the message field. */
async function connect() {
  try {
    const channels = await refreshChannels();
    notice(channels.length ? "" : "The daemon has no channel: put a GGUF file into its models folder, or fetch one by kakeyad pull.");
  } catch (error) {
    if (error.status === 401) notice("This server wants an API key.", "Enter it", () => settings("setting-key"));
    else notice(error.message, "Try again", connect);
  }
  if (!current.channel) current.channel = firstChannel();
  draw();
  welcome();
}

async function begin() {
  current = newConversation("", preferences.get("defaults"));
  const kept = await store.openStore();
  for (const c of store.all()) Object.values(c.nodes).filter((n) => n.streaming).forEach((n) => { delete n.streaming; n.finish ??= "stopped"; });
  const named = store.get(location.hash.slice(1));
  if (named) current = named;
  draw();
  await connect();
  if (!kept) toast("This browser keeps nothing: conversations end with this page.");
  document.body.classList.add("ready");
  composer.focus();
}

byId("new-chat").addEventListener("click", startConversation);
byId("channel-button").addEventListener("click", pickChannel);
byId("open-settings").addEventListener("click", () => settings());
byId("open-keys").addEventListener("click", openHelp);
byId("open-data").addEventListener("click", openData);
byId("open-sides").addEventListener("click", sides);
store.onForeignChange(isRunning, (id) => {
  if (id === current.id) {
    if (!store.get(id)) return startConversation();
    current = store.get(id);
  }
  draw();
});
listen({
  newChat: startConversation, channels: pickChannel, settings: () => settings(), help: openHelp, sides,
  search: () => { if (!sidebar.open) sidebar.toggle(true); byId("search").focus(); },
  write: () => composer.focus(),
  stop: () => stop(current.id),
});
addEventListener("pagehide", () => {
  store.keepForLater(store.all().filter((c) => isRunning(c.id) || store.isSaving(c.id)));
  stopAll();
});
begin();
