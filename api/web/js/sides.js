// Side by side: one prompt, the streams of two channels, and where they part.
import { knownChannels, refreshChannels } from "./channels.js";
import { dialog } from "./dialog.js";
import { announce, h } from "./dom.js";
import { fill, settingsOf } from "./generation.js";
import { figures, troubleOf } from "./message.js";
import { preferences } from "./preferences.js";
import { commonLength } from "./parting.js";

const coarse = matchMedia("(pointer: coarse)");

/** Opens the view. `settings` are those of the conversation, which both channels get; `channel` is proposed for A. */
export function openSides(settings, channel) {
  const view = new Sides(settings, channel);
  dialog("sides", "Side by side", view.element, () => view.stop()).classList.add("wide");
  view.prompt.focus();
}

/** The two that the conversation's channel is, or that channel and another one. */
function proposed(channel, usable) {
  const ab = usable.find((c) => c.id === channel)?.kakeya.ab;
  return ab ? [ab.a, ab.b] : [channel, usable.find((c) => c.id !== channel && !c.kakeya.ab)?.id ?? channel];
}

class Sides {
  constructor(settings, channel) {
    this.settings = settings;
    const usable = knownChannels().filter((c) => c.kakeya.state !== "missing");
    const kept = preferences.get("sides") ?? {};
    const wanted = [[kept.a, kept.b], proposed(channel, usable)].find((pair) => pair.every((id) => usable.some((c) => c.id === id))) ?? [];
    this.panes = ["A", "B"].map((name, i) => new Pane(name, usable, wanted[i]));
    this.prompt = h("textarea", {
      id: "sides-prompt", rows: 2, placeholder: "One prompt for both", "aria-label": "Prompt for both channels",
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing || coarse.matches) return;
        event.preventDefault();
        this.form.requestSubmit();
      },
    });
    this.greedy = h("input", { type: "checkbox", id: "sides-greedy", checked: true });
    this.turns = h("input", { type: "checkbox", id: "sides-turns" });
    this.send = h("button", { type: "submit", class: "button", id: "sides-send" }, "Compare");
    this.halt = h("button", { type: "button", class: "button quiet", id: "sides-stop", hidden: true, onclick: () => { this.stop(); this.prompt.focus(); } }, "Stop");
    this.summary = h("p", { id: "sides-summary", class: "sides-summary" });
    this.form = h("form", { class: "sides-form", onsubmit: (event) => { event.preventDefault(); this.run(); } }, this.prompt,
      h("div", { class: "sides-options" },
        h("label", { htmlFor: "sides-greedy" }, this.greedy, "Always the likeliest token, so that texts can be compared"),
        h("label", { htmlFor: "sides-turns" }, this.turns, "One after the other, so that speeds can be"),
        h("span", { class: "bar-space" }), this.halt, this.send));
    this.element = h("div", { class: "sides" }, this.form, this.summary, h("div", { class: "sides-panes" }, this.panes.map((pane) => pane.element)));
    if (!usable.length) this.summary.textContent = "There is no channel to compare.";
  }

  stop() {
    this.controller?.abort();
  }

  async run() {
    const content = this.prompt.value.trim();
    if (!content || this.controller || !this.panes.every((pane) => pane.channel)) return;
    const [a, b] = this.panes;
    preferences.set("sides", { a: a.channel, b: b.channel });
    const controller = this.controller = new AbortController();
    this.busy(true);
    const system = this.settings.system?.trim();
    const body = {
      messages: [...(system ? [{ role: "system", content: system }] : []), { role: "user", content }],
      ...settingsOf(this.settings), ...(this.greedy.checked ? { temperature: 0 } : {}), reasoning_format: "none",
    };
    for (const pane of this.panes) pane.begin();
    this.draw();
    const answer = (pane) => controller.signal.aborted ? pane.cancel() : fill(pane.node, { ...body, model: pane.channel }, controller.signal, () => this.soon());
    if (this.turns.checked) {
      await answer(a);
      await answer(b);
    } else {
      await Promise.all([answer(a), answer(b)]);
    }
    this.controller = undefined;
    this.busy(false);
    this.draw();
    announce(this.summary.textContent);
    refreshChannels().catch(() => {}); // their states may have changed
  }

  busy(now) {
    if (!now && this.halt === document.activeElement) this.prompt.focus();
    this.halt.hidden = !now;
    this.send.disabled = now;
    for (const pane of this.panes) pane.select.disabled = now;
  }

  /** Draws before the next frame. */
  soon() {
    this.drawn ??= requestAnimationFrame(() => {
      this.drawn = undefined;
      this.draw();
    });
  }

  draw() {
    const [a, b] = this.panes.map((pane) => pane.node);
    const common = commonLength(a.content, b.content);
    // What only one of them has said so far is no difference: the other may say it yet.
    const parted = (own, other) => own.content.length > common && (other.content.length > common || whole(other));
    this.panes[0].draw(common, parted(a, b));
    this.panes[1].draw(common, parted(b, a));
    this.summary.textContent = summaryOf(a, b, common, parted(a, b) || parted(b, a));
  }
}

const whole = (node) => !node.streaming && !node.error && node.finish !== "stopped";

function summaryOf(a, b, common, parted) {
  if (a.error || b.error) return "One of the two did not answer.";
  if (parted) return common ? `The texts part after ${common} characters.` : "The texts part at once.";
  if (a.streaming || b.streaming) return "The same so far.";
  return whole(a) && whole(b) ? "The texts are the same." : "Stopped. The texts are the same as far as both go.";
}

/** One of the two. */
class Pane {
  constructor(name, channels, chosen) {
    const id = `sides-${name.toLowerCase()}`;
    this.node = { role: "assistant", content: "", finish: "stopped" };
    this.select = h("select", { id, "aria-label": `Channel ${name}` }, channels.map((c) => h("option", { value: c.id, selected: c.id === chosen }, c.id)));
    this.body = h("div", { class: "sides-text", id: `${id}-text`, tabIndex: 0, role: "region", "aria-label": `Answer of ${name}` });
    this.foot = h("div", { class: "foot" });
    this.element = h("article", { class: "side", "aria-label": `Side ${name}` }, h("header", {}, h("span", { class: "side-name", "aria-hidden": "true" }, name), this.select), this.body, this.foot);
  }

  get channel() {
    return this.select.value;
  }

  begin() {
    this.node = { role: "assistant", channel: this.channel, content: "", streaming: true };
  }

  cancel() {
    delete this.node.streaming;
    this.node.finish = "stopped";
  }

  draw(common, parted) {
    const { node } = this;
    const text = node.content;
    this.body.classList.toggle("waiting", Boolean(node.streaming && !text));
    this.body.setAttribute("aria-busy", String(Boolean(node.streaming)));
    this.body.replaceChildren(parted ? text.slice(0, common) : text,
      parted ? h("mark", { class: "parted" }, h("span", { class: "sr" }, " From here on it differs: "), text.slice(common)) : "");
    this.foot.replaceChildren(node.error ? troubleOf(node.error) : figures(node) ?? "");
  }
}
