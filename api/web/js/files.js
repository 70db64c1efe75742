// Conversations as files, out and in.
import { branch, isConversation, newId, titleOf } from "./tree.js";

/** Hands a text to the person as a file. */
function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const fileName = (c) => titleOf(c).toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 48) || "conversation";

/** The branch that is shown, for reading. */
export function markdownOf(c) {
  const parts = [`# ${titleOf(c)}`, `${c.channel}, ${new Date(c.created).toISOString().slice(0, 10)}`];
  if (c.settings.system) parts.push(`> ${c.settings.system.replaceAll("\n", "\n> ")}`);
  for (const node of branch(c)) parts.push(`## ${node.role === "user" ? "You" : node.channel || c.channel}`, node.content);
  return `${parts.join("\n\n")}\n`;
}

export const exportMarkdown = (c) => download(`${fileName(c)}.md`, "text/markdown", markdownOf(c));

/** All of the conversations, with every version of every message. */
export function exportJSON(conversations, name) {
  download(`${name ?? fileName(conversations[0])}.json`, "application/json", JSON.stringify({ kakeyad: "conversations", version: 1, conversations }, null, 2));
}

/** The conversations of a file that exportJSON wrote, under new ids. What is none throws. */
export async function readFile(file) {
  let content;
  try {
    content = JSON.parse(await file.text());
  } catch {
    throw new Error("This file is not JSON.");
  }
  if (content?.kakeyad !== "conversations" || content.version !== 1 || !Array.isArray(content.conversations) || !content.conversations.every(isConversation)) {
    throw new Error("This file holds no conversations of kakeyad.");
  }
  return content.conversations.map((c) => ({ ...c, id: newId() }));
}
