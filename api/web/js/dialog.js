// Dialogs: the browser's own, so that focus stays within and Escape closes.
import { h, iconButton } from "./dom.js";

/** Opens a dialog with a title and returns it. It is gone from the page when it closes. */
export function dialog(id, title, content, onClose = () => {}) {
  document.getElementById(id)?.close();
  const box = h("dialog", {
    id, class: "dialog", "aria-labelledby": `${id}-title`,
    onclose: () => { box.remove(); onClose(); },
    onclick: (event) => { if (event.target === box) box.close(); },
  }, h("div", { class: "dialog-inner" },
    h("header", {}, h("h2", { id: `${id}-title` }, title), iconButton("close", "Close", () => box.close())),
    h("div", { class: "dialog-body" }, content)));
  document.body.append(box);
  box.showModal();
  return box;
}
