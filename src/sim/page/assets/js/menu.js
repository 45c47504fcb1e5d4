// The one floating list: select menus, overflow menus, pickers. Arrow keys, Enter, Escape and typing to filter all work.
import { h, icon } from "./dom.js";

let open = null;
let ids = 0;

export const closeMenu = () => open?.close();

/**
 * Items are `{label, node?, description?, group?, value, selected?}`.
 * `load(query)` gives items (or a promise of them); `items` is the fixed list; one of the two.
 * `pick(item)` runs for each choice; `multi` keeps the menu open; `closed()` runs once at the end.
 */
export function openMenu(anchor, { label, items, load, pick, multi = false, filter = false, empty = "No results", closed }) {
  if (open?.anchor === anchor) return closeMenu();
  closeMenu();
  const id = `menu-${(ids += 1)}`;
  const list = h("ul", { class: "menu-list", role: "listbox", id, "aria-label": label, "aria-multiselectable": multi || null });
  const search = filter && h("input", { class: "menu-search", type: "text", role: "combobox", "aria-label": `Search: ${label}`,
    "aria-controls": id, "aria-expanded": "true", placeholder: "Search", autocomplete: "off", spellcheck: "false" });
  const popup = h("div", { class: "menu", popover: "manual", tabindex: "-1" }, search || null, list);
  // Inside the dialog when there is one: everything outside a modal dialog is inert.
  (anchor.closest("dialog") ?? document.body).append(popup);
  popup.showPopover?.();

  let shown = [];
  let active = -1;
  let asked = 0;

  const select = (index) => {
    active = index;
    const rows = list.querySelectorAll("[role=option]");
    rows.forEach((row, i) => row.classList.toggle("active", i === index));
    rows[index]?.scrollIntoView({ block: "nearest" });
    (search || popup).setAttribute("aria-activedescendant", rows[index]?.id ?? "");
  };
  const choose = (item) => {
    pick(item);
    if (multi) {
      item.selected = !item.selected;
      draw(shown, active);
    } else close(true);
  };
  const draw = (next, keep = 0) => {
    shown = next;
    list.replaceChildren();
    let group = null;
    shown.forEach((item, index) => {
      if (item.group && item.group !== group) {
        group = item.group;
        list.append(h("li", { class: "menu-group", role: "presentation" }, group));
      }
      const text = h("span", { class: "menu-label" }, item.node?.() ?? item.label, item.description ? h("small", {}, item.description) : null);
      list.append(h("li", {
        role: "option", id: `${id}-${index}`, class: "menu-item", "aria-selected": String(Boolean(item.selected)),
        on: { pointermove: () => active !== index && select(index), click: () => choose(item), pointerdown: (e) => e.preventDefault() },
      }, text, item.selected ? icon("check") : null));
    });
    if (!shown.length) list.append(h("li", { class: "menu-empty", role: "presentation" }, empty));
    select(Math.min(keep, shown.length - 1));
    place(popup, anchor);
  };
  const refresh = async () => {
    const query = search ? search.value.trim() : "";
    if (!load) {
      const wanted = query.toLowerCase();
      draw(items.filter((item) => item.label.toLowerCase().includes(wanted)));
      return;
    }
    const turn = (asked += 1);
    const found = await load(query);
    if (turn === asked && open?.popup === popup) draw(found);
  };
  const close = (refocus = false) => {
    if (open?.popup !== popup) return;
    open = null;
    removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", settle);
    popup.remove();
    anchor.setAttribute("aria-expanded", "false");
    if (refocus) anchor.focus();
    closed?.();
  };
  // A phone's keyboard resizes the window when the search field takes the focus: stay, but move.
  const settle = () => place(popup, anchor);
  const outside = (event) => {
    if (!popup.contains(event.target) && !anchor.contains(event.target)) close();
  };
  popup.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (steps[event.key] && shown.length) select((active + steps[event.key] + shown.length) % shown.length);
    else if (event.key === "Enter" || (event.key === " " && !search)) shown[active] && choose(shown[active]);
    else if (event.key === "Escape") close(true);
    else if (event.key === "Tab") return close(true);
    else return undefined;
    event.preventDefault();
    event.stopPropagation();
    return undefined;
  });
  search?.addEventListener?.("input", refresh);
  addEventListener("pointerdown", outside, true);
  addEventListener("resize", settle);
  open = { popup, anchor, close };
  anchor.setAttribute("aria-expanded", "true");
  const chosen = (items ?? []).findIndex((item) => item.selected);
  if (load) {
    list.append(h("li", { class: "menu-empty", role: "presentation" }, "Loading…"));
    refresh();
  } else draw(items, Math.max(0, chosen));
  place(popup, anchor);
  (search || popup).focus();
  return undefined;
}

/** Below the anchor, or above it when there is more room; always inside the window. */
function place(popup, anchor) {
  const box = anchor.getBoundingClientRect();
  const margin = 8;
  const below = innerHeight - box.bottom - margin;
  const above = box.top - margin;
  const up = below < Math.min(260, popup.scrollHeight) && above > below;
  popup.style.maxHeight = `${Math.min(340, up ? above : below)}px`;
  popup.style.minWidth = `${Math.min(box.width, innerWidth - 2 * margin)}px`;
  const left = Math.max(margin, Math.min(box.left, innerWidth - popup.offsetWidth - margin));
  popup.style.left = `${left}px`;
  popup.style.top = up ? "auto" : `${box.bottom + 4}px`;
  popup.style.bottom = up ? `${innerHeight - box.top + 4}px` : "auto";
}
