// The field in which messages are written.
import { byId } from "./dom.js";

const coarse = matchMedia("(pointer: coarse)");

export class Composer {
  /** `actions`: send(text), stop(), editLast(). */
  constructor(actions) {
    this.field = byId("message");
    this.form = byId("composer");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.field.value.trim();
      if (text && !this.busy) actions.send(text);
    });
    byId("stop").addEventListener("click", () => actions.stop());
    this.field.addEventListener("input", () => this.fit());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !coarse.matches) {
        event.preventDefault();
        this.form.requestSubmit();
      } else if (event.key === "ArrowUp" && !this.field.value && !this.busy) {
        event.preventDefault();
        actions.editLast();
      }
    });
    this.setBusy(false);
  }

  get text() {
    return this.field.value;
  }

  set text(value) {
    this.field.value = value;
    this.fit();
  }

  /** Makes the field as high as its text, within limits that the style sheet sets. */
  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
    byId("send").disabled = !this.field.value.trim();
  }

  /** Shows the button that stops in the place of the one that sends, or the other way round. */
  setBusy(busy) {
    const swap = document.activeElement === byId(busy ? "send" : "stop");
    this.busy = busy;
    byId("send").hidden = busy;
    byId("stop").hidden = !busy;
    this.fit();
    if (swap) (busy ? byId("stop") : this.field).focus();
  }

  focus() {
    this.field.focus();
  }
}
