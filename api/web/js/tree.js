// A conversation is a tree of messages: an edit or a retry adds a sibling, so that nothing said is lost.
// `head` is the last message of the branch that is shown.

export function newId() {
  return crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

export function newConversation(channel, settings) {
  const now = Date.now();
  return { id: newId(), version: 1, title: "", channel, settings: { ...settings }, created: now, updated: now, head: null, nodes: {} };
}

/** Adds a message below `parent` (null: the first) and makes it the head. */
export function add(conversation, parent, fields) {
  const node = { id: newId(), parent, created: Date.now(), content: "", ...fields };
  conversation.nodes[node.id] = node;
  conversation.head = node.id;
  conversation.updated = node.created;
  return node;
}

/** The messages of the branch that is shown, first to last. */
export function branch(conversation, from = conversation.head) {
  const out = [];
  for (let node = conversation.nodes[from]; node; node = conversation.nodes[node.parent]) out.unshift(node);
  return out;
}

/** The versions of a message, itself among them, oldest first. */
export function versions(conversation, node) {
  return Object.values(conversation.nodes).filter((other) => other.parent === node.parent && other.role === node.role);
}

/** Shows the branch of another version: down to its newest end. */
export function show(conversation, node) {
  const children = (id) => Object.values(conversation.nodes).filter((other) => other.parent === id);
  let end = node;
  for (let below = children(end.id); below.length; below = children(end.id)) end = below.at(-1);
  conversation.head = end.id;
}

/** What a conversation is called. */
export function titleOf(conversation) {
  if (conversation.title) return conversation.title;
  const first = Object.values(conversation.nodes).find((node) => node.role === "user");
  const line = first?.content.trim().split("\n")[0] ?? "";
  return line.length > 64 ? `${line.slice(0, 63).trimEnd()}…` : line || "New conversation";
}

/** The request's messages for an answer below `parent`. */
export function messagesFor(conversation, parent) {
  const messages = branch(conversation, parent).filter((node) => node.content).map(({ role, content }) => ({ role, content }));
  const system = conversation.settings.system?.trim();
  return system ? [{ role: "system", content: system }, ...messages] : messages;
}

/** Whether something that was read from a file is a conversation of ours. */
export function isConversation(value) {
  return typeof value?.id === "string" && value.version === 1 && typeof value.nodes === "object" && value.nodes !== null &&
    typeof value.settings === "object" && value.settings !== null &&
    Object.entries(value.nodes).every(([id, node]) => node?.id === id && ["user", "assistant"].includes(node.role) && typeof node.content === "string" && sane(value.nodes, node));
}

function sane(nodes, node) {
  const seen = new Set();
  for (let at = node; at; at = nodes[at.parent]) {
    if (seen.has(at.id)) return false;
    seen.add(at.id);
  }
  return true;
}
