// The messages of the conversation that is shown.
import { byId } from "./dom.js";
import { copy, MessageView } from "./message.js";
import { branch, versions } from "./tree.js";

const near = 80; // pixels from the end that still count as the end

export class Thread {
  constructor(actions) {
    this.actions = actions;
    this.views = new Map();
    this.element = byId("thread");
    this.scroller = byId("scroller");
    this.toEnd = byId("to-end");
    this.follows = true;
    this.scroller.addEventListener("scroll", () => {
      this.follows = this.atEnd();
      this.toEnd.hidden = this.follows;
    }, { passive: true });
    this.toEnd.addEventListener("click", () => this.scrollToEnd());
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest(".copy-code");
      if (button) copy(button.closest("figure").querySelector("code").textContent, button);
    });
  }

  atEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < near;
  }

  scrollToEnd() {
    this.follows = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.toEnd.hidden = true;
  }

  /** Shows a conversation's branch; null shows nothing. */
  show(conversation, busy) {
    if (conversation !== this.conversation) {
      this.views.clear();
      this.element.replaceChildren();
      this.conversation = conversation;
      this.follows = true;
    }
    const nodes = conversation ? branch(conversation) : [];
    const shown = new Set(nodes.map((node) => node.id));
    for (const [id, view] of this.views) {
      if (shown.has(id)) continue;
      view.element.remove();
      this.views.delete(id);
    }
    let before = null;
    for (const node of nodes) {
      let view = this.views.get(node.id);
      if (!view || view.node !== node) {
        view?.element.remove();
        view = new MessageView(node, this.actions);
        this.views.set(node.id, view);
      }
      const place = before ? before.nextSibling : this.element.firstChild;
      if (place !== view.element) this.element.insertBefore(view.element, place);
      view.update(versions(conversation, node), busy);
      before = view.element;
    }
    if (this.follows) this.scrollToEnd();
    else this.toEnd.hidden = this.atEnd();
  }

  /** Brings one message up to date. */
  refresh(node, busy) {
    this.views.get(node.id)?.update(versions(this.conversation, node), busy);
    if (this.follows) this.scrollToEnd();
  }

  /** Begins to edit the last message of the person. */
  editLast() {
    [...this.views.values()].filter((view) => view.node.role === "user").at(-1)?.edit();
  }
}
