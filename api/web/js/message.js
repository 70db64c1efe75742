// One message on the page.
import { announce, h, icon, iconButton } from "./dom.js";
import { renderInto } from "./markdown.js";

/**
 * The view of a message. `actions` are what its buttons do: edit(node, text), retry(node), flip(node, by),
 * explain(node), which mends what an error speaks of.
 */
export class MessageView {
  constructor(node, actions) {
    this.node = node;
    this.actions = actions;
    this.body = h("div", { class: node.role === "user" ? "words" : "answer prose" });
    const answers = node.role === "assistant";
    this.thoughts = h("details", { class: "thoughts", hidden: true }, h("summary", {}, "Thoughts"), h("div", { class: "prose" }));
    this.trouble = h("div", { class: "trouble", role: "alert", hidden: true });
    this.foot = h("div", { class: "foot" });
    const who = node.role === "user" ? "You" : node.channel || "Answer";
    this.element = h("article", { class: `message ${node.role}`, "aria-label": `${who} said`, dataset: { id: node.id } },
      h("h2", { class: "sr" }, who), answers && this.thoughts, this.body, answers && this.trouble, this.foot);
  }

  /** Brings the view up to date. `versions` are the message's siblings, `busy` says whether an answer is on its way. */
  update(versions, busy) {
    const { node } = this;
    this.element.classList.toggle("streaming", Boolean(node.streaming));
    this.element.setAttribute("aria-busy", String(Boolean(node.streaming)));
    if (this.editing) return;
    if (node.role === "user") this.body.textContent = node.content;
    else renderInto(this.body, node.content);
    this.body.hidden = node.role === "assistant" && !node.content && !node.streaming;
    this.body.classList.toggle("waiting", Boolean(node.streaming && !node.content));
    this.showThoughts();
    this.showTrouble();
    const state = JSON.stringify([node.streaming, node.finish, node.stats, node.error, versions.map((v) => v.id), busy]);
    if (state !== this.state) this.showFoot(versions, busy);
    this.state = state;
  }

  showThoughts() {
    const { node } = this;
    this.thoughts.hidden = !node.reasoning;
    if (!node.reasoning) return;
    this.thoughts.firstChild.textContent = node.streaming && !node.content ? "Thinking…" : "Thoughts";
    renderInto(this.thoughts.lastChild, node.reasoning);
  }

  showTrouble() {
    const { error } = this.node;
    this.trouble.hidden = !error;
    if (!error || this.trouble.dataset.message === error.message) return;
    this.trouble.dataset.message = error.message;
    const mend = { 401: "Enter an API key", 404: "Choose a channel" }[error.status];
    this.trouble.replaceChildren(icon("warning"), h("div", {}, words(error),
      h("div", { class: "trouble-actions" },
        mend && h("button", { type: "button", class: "button", onclick: () => this.actions.explain(this.node) }, mend),
        h("button", { type: "button", class: "button quiet", onclick: () => this.actions.retry(this.node) }, "Try again"))));
  }

  showFoot(versions, busy) {
    const { node, actions } = this;
    const held = this.foot.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const buttons = [];
    if (versions.length > 1) {
      const at = versions.findIndex((v) => v.id === node.id);
      buttons.push(h("span", { class: "versions" },
        iconButton("left", "Previous version", () => actions.flip(node, -1), { disabled: busy || at === 0 }),
        h("span", { "aria-label": `Version ${at + 1} of ${versions.length}` }, `${at + 1}/${versions.length}`),
        iconButton("right", "Next version", () => actions.flip(node, 1), { disabled: busy || at === versions.length - 1 })));
    }
    if (!node.streaming) {
      if (node.content) buttons.push(iconButton("copy", "Copy message", (event) => copy(node.content, event.currentTarget)));
      if (node.role === "user") buttons.push(iconButton("edit", "Edit message", () => this.edit(), { disabled: busy }));
      else buttons.push(iconButton("retry", "Try another answer", () => actions.retry(node), { disabled: busy }));
    }
    this.foot.replaceChildren(h("div", { class: "buttons" }, buttons), figures(node) ?? "");
    if (held) [...this.foot.querySelectorAll("button")].find((b) => b.getAttribute("aria-label") === held)?.focus();
  }

  /** Turns the message into a field. */
  edit() {
    this.editing = true;
    const field = h("textarea", { class: "edit-field", "aria-label": "Edit your message", value: this.node.content, rows: Math.min(12, this.node.content.split("\n").length + 1) });
    const done = () => {
      this.editing = false;
      form.remove();
      this.body.hidden = false;
      this.foot.hidden = false;
    };
    const form = h("form", {
      class: "edit",
      onsubmit: (event) => {
        event.preventDefault();
        const text = field.value.trim();
        if (!text) return;
        done();
        this.actions.edit(this.node, text);
      },
      onkeydown: (event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          done();
          this.foot.querySelector('[aria-label="Edit message"]')?.focus();
        } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          form.requestSubmit();
        }
      },
    }, field, h("div", { class: "edit-actions" },
      h("button", { type: "button", class: "button quiet", onclick: done }, "Cancel"),
      h("button", { type: "submit", class: "button" }, "Send")));
    this.body.hidden = true;
    this.foot.hidden = true;
    this.body.after(form);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }
}

function titleOf(error) {
  return {
    unreachable: "No connection", broken: "The answer broke off", context_length_exceeded: "The conversation is too long",
    invalid_api_key: "An API key is needed", model_not_found: "There is no such channel", busy: "The daemon is busy",
    out_of_memory: "Not enough memory", request_cancelled: "The request was cancelled",
  }[error.code] ?? "That did not work";
}

const words = (error) => [h("strong", {}, titleOf(error)), h("p", {}, error.message)];

/** What went wrong, without a way to mend it. */
export function troubleOf(error) {
  return h("div", { class: "trouble", role: "alert" }, icon("warning"), h("div", {}, words(error)));
}

/** The figures below an answer. */
export function figures({ role, by, stats, finish, streaming }) {
  if (role !== "assistant" || streaming) return null;
  const out = [];
  const add = (name, text, title) => out.push(h("span", { class: "figure", title, dataset: { figure: name } }, text));
  if (by) add("by", `by ${by}`, "Which channel answered");
  if (finish === "stopped") add("stopped", "Stopped");
  if (finish === "length") add("length", "Cut at the token limit", "The answer reached its longest length, or the context is full");
  if (stats?.rate) add("rate", `${stats.measured ? "≈ " : ""}${stats.rate.toFixed(stats.rate < 100 ? 1 : 0)} tokens/s`, "How fast the answer was written");
  if (stats?.first) add("first", `first token ${duration(stats.first)}`, "From sending to the first token, as this browser saw it");
  if (stats?.tokens) add("tokens", `${stats.measured ? "≈ " : ""}${stats.tokens} token${stats.tokens === 1 ? "" : "s"}`, "Length of the answer");
  if (stats?.prompt) add("cached", `${stats.cached} of ${stats.prompt} prompt tokens cached`, "Tokens that did not have to be computed again");
  return out.length ? h("div", { class: "figures" }, out) : null;
}

function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Copies a text and says so on the button. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    announce("The browser does not let this page copy.");
    return;
  }
  announce("Copied");
  const before = [...button.childNodes];
  button.replaceChildren(before[0] instanceof SVGElement ? icon("check") : "Copied");
  setTimeout(() => button.replaceChildren(...before), 1500);
}
