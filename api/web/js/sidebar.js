// The list of conversations.
import { byId, h, iconButton } from "./dom.js";
import { openMenu } from "./menu.js";
import { preferences } from "./preferences.js";
import { titleOf } from "./tree.js";

const narrow = matchMedia("(max-width: 52rem)");

export class Sidebar {
  /** `actions`: open(id), rename(id, title), exportMarkdown(id), exportJSON(id), remove(id). */
  constructor(actions) {
    this.actions = actions;
    this.list = byId("conversations");
    byId("show-sidebar").addEventListener("click", () => this.toggle(true));
    byId("hide-sidebar").addEventListener("click", () => this.toggle(false));
    byId("scrim").addEventListener("click", () => this.toggle(false));
    byId("search").addEventListener("input", () => this.show(this.conversations, this.current, this.isRunning));
    narrow.addEventListener("change", () => this.apply());
    this.drawer = false;
    this.apply();
  }

  get open() {
    return narrow.matches ? this.drawer : preferences.get("sidebar");
  }

  toggle(open) {
    if (narrow.matches) this.drawer = open;
    else preferences.set("sidebar", open);
    this.apply();
    byId(open ? "hide-sidebar" : "show-sidebar").focus();
  }

  /** Closes the drawer of a narrow window. */
  leave() {
    if (!narrow.matches || !this.drawer) return;
    this.drawer = false;
    this.apply();
  }

  apply() {
    document.body.classList.toggle("with-sidebar", this.open);
    byId("sidebar").inert = !this.open;
    byId("main").inert = narrow.matches && this.drawer;
    byId("scrim").hidden = !(narrow.matches && this.drawer);
    byId("show-sidebar").setAttribute("aria-expanded", String(this.open));
  }

  show(conversations, current, isRunning) {
    Object.assign(this, { conversations, current, isRunning });
    if (this.list.querySelector("input")) return; // a title is being written
    const wanted = byId("search").value.trim().toLowerCase();
    const groups = new Map();
    for (const c of conversations) {
      if (wanted && !matches(c, wanted)) continue;
      const age = ageOf(c.updated);
      if (!groups.has(age)) groups.set(age, []);
      groups.get(age).push(this.entry(c));
    }
    this.list.replaceChildren(...[...groups].map(([age, entries]) => h("section", {}, h("h2", {}, age), h("ul", {}, entries))));
    if (!groups.size) this.list.append(h("p", { class: "nothing" }, wanted ? "Nothing found." : "Conversations stay in this browser."));
  }

  entry(c) {
    const title = titleOf(c);
    const more = iconButton("more", `Options of ${title}`, () => openMenu(more, `Options of ${title}`, [
      ["Rename", () => this.rename(c, item, title)],
      ["Export as Markdown", () => this.actions.exportMarkdown(c.id)],
      ["Export as JSON", () => this.actions.exportJSON(c.id)],
      ["Delete", () => this.actions.remove(c.id), "danger"],
    ]), { "aria-haspopup": "menu", "aria-expanded": "false" });
    const item = h("li", { class: c.id === this.current ? "entry current" : "entry" },
      h("button", { type: "button", class: "entry-title", "aria-current": c.id === this.current ? "true" : null, title, onclick: () => this.actions.open(c.id) },
        this.isRunning(c.id) && h("span", { class: "pulse" }, h("span", { class: "sr" }, "Answering: ")), title),
      more);
    return item;
  }

  rename(c, item, title) {
    let over = false; // leaving the field ends it too, also when it is taken away
    const finish = (keep) => {
      if (over) return;
      over = true;
      const text = field.value.trim();
      field.remove();
      if (keep && text && text !== title) this.actions.rename(c.id, text);
      else this.show(this.conversations, this.current, this.isRunning);
    };
    const field = h("input", {
      class: "rename", value: title, maxLength: 120, "aria-label": "Title of the conversation",
      onblur: () => finish(true),
      onkeydown: (event) => {
        if (event.key === "Enter" || event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          finish(event.key === "Enter");
        }
      },
    });
    item.replaceChildren(field);
    field.select();
  }
}

function matches(c, wanted) {
  return titleOf(c).toLowerCase().includes(wanted) || Object.values(c.nodes).some((node) => node.content.toLowerCase().includes(wanted));
}

const day = 24 * 60 * 60 * 1000;

function ageOf(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (time >= midnight) return "Today";
  if (time >= midnight - day) return "Yesterday";
  return time >= midnight - 6 * day ? "This week" : "Earlier";
}
