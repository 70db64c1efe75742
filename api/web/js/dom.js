// Making elements. Text always goes in as text: HTML comes from markdown.js alone.

/** Makes an element. Properties that begin with "on" are listeners; null, undefined and false are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const svg = "http://www.w3.org/2000/svg";

/** An icon of the page's sprite, which screen readers pass over. */
export function icon(name) {
  const element = document.createElementNS(svg, "svg");
  element.setAttribute("class", "icon");
  element.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svg, "use");
  use.setAttribute("href", `#i-${name}`);
  element.append(use);
  return element;
}

/** A button that is an icon; its label is for screen readers and the tooltip. */
export function iconButton(name, label, onclick, extra = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...extra }, icon(name));
}

export const byId = (id) => document.getElementById(id);

/** Tells screen readers what happened. */
export function announce(text) {
  byId("status").textContent = text;
}

/** Shows a message that goes by itself, with one action if wanted. */
export function toast(text, action, onAction) {
  const close = () => element.remove();
  const element = h("div", { class: "toast", role: "status" }, h("span", {}, text),
    action && h("button", { type: "button", class: "link-button", onclick: () => { onAction(); close(); } }, action),
    iconButton("close", "Dismiss", close));
  byId("toasts").append(element);
  setTimeout(close, 9000);
}
