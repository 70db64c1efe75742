// Conversations in the browser's own database. Where that is off, they live until the page is closed.

let database = null;
const cache = new Map();
const others = new BroadcastChannel("kakeyad.conversations");

function open() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("kakeyad", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("conversations", { keyPath: "id" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

/** Resolves once what was written is kept. */
function run(mode, use) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction("conversations", mode);
    const request = use(transaction.objectStore("conversations"));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? request.error);
  });
}

const unsaved = "kakeyad.unsaved";

/** Keeps conversations at once, for a page that is about to go: the database might not be in time. */
export function keepForLater(conversations) {
  try {
    if (conversations.length) localStorage.setItem(unsaved, JSON.stringify(conversations));
  } catch {
    // They are as they were saved last.
  }
}

async function takeKept() {
  const kept = localStorage.getItem(unsaved);
  if (!kept) return;
  for (const conversation of JSON.parse(kept)) await run("readwrite", (s) => s.put(conversation));
  localStorage.removeItem(unsaved);
}

/** Opens the store and says whether what is kept outlives the page. */
export async function openStore() {
  try {
    database = await open();
    await takeKept();
    for (const conversation of await run("readonly", (s) => s.getAll())) cache.set(conversation.id, conversation);
    return true;
  } catch {
    database = null;
    return false;
  }
}

/** All conversations, the one used last first. The objects are the store's own: change them, then save. */
export function all() {
  return [...cache.values()].sort((a, b) => b.updated - a.updated);
}

export const get = (id) => cache.get(id);

const saving = new Map(); // by id: the save that began last and has not ended

export async function save(conversation) {
  const { id } = conversation;
  cache.set(id, conversation);
  if (!database) return;
  const mine = Symbol(id);
  saving.set(id, mine);
  await run("readwrite", (s) => s.put(conversation));
  if (saving.get(id) === mine) saving.delete(id);
  others.postMessage(id);
}

/** Whether the database may not have the conversation as it is now. */
export const isSaving = (id) => saving.has(id);

export async function remove(id) {
  cache.delete(id);
  if (!database) return;
  await run("readwrite", (s) => s.delete(id));
  others.postMessage(id);
}

/** Calls back when another tab has changed a conversation that is not `busy` here. */
export function onForeignChange(busy, callback) {
  others.onmessage = async ({ data: id }) => {
    if (!database || busy(id)) return;
    const now = await run("readonly", (s) => s.get(id));
    if (now) cache.set(id, now);
    else cache.delete(id);
    callback(id);
  };
}
