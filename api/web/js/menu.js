// A small menu below a button.
import { h } from "./dom.js";

/** Opens a menu of [label, action] below `anchor`, by which focus returns. */
export function openMenu(anchor, label, entries) {
  const close = () => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    anchor.setAttribute("aria-expanded", "false");
  };
  const outside = (event) => {
    if (!menu.contains(event.target)) close();
  };
  const items = entries.map(([text, action, kind]) => h("button", {
    type: "button", role: "menuitem", tabIndex: -1, class: kind ?? "",
    onclick: () => { close(); anchor.focus(); action(); },
  }, text));
  const menu = h("div", {
    class: "menu", role: "menu", "aria-label": label,
    onkeydown: (event) => {
      const at = items.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
      if (to !== undefined) items[to % items.length].focus();
      else if (event.key === "Escape" || event.key === "Tab") { close(); anchor.focus(); }
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
  }, items);
  document.body.append(menu);
  const box = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.max(8, Math.min(box.right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${box.bottom + height + 8 > innerHeight ? box.top - height - 4 : box.bottom + 4}px`;
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  items[0].focus();
}
