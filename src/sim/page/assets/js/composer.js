// The box one writes in: grows with the text, completes commands and names, sends on Enter.
import { postOrToast } from "./api.js";
import { completions } from "./complete.js";
import { h, iconButton } from "./dom.js";

/** Unsent text by place, kept while the page is open. */
const drafts = new Map();
const sent = [];
const HISTORY = 50;
let ids = 0;

/** `place`: {channel, thread_ts?}; `label`: what the box is for, shown while it is empty. */
export function composer(world, place, label) {
  const key = `${place.channel}/${place.thread_ts ?? ""}`;
  const listId = `complete-${(ids += 1)}`;
  const list = h("ul", { class: "complete", id: listId, role: "listbox", "aria-label": "Suggestions", hidden: true });
  const area = h("textarea", { class: "compose-text", rows: 1, placeholder: label, "aria-label": label, role: "combobox", "aria-expanded": "false",
    "aria-autocomplete": "list", "aria-controls": listId, enterkeyhint: "send" });
  const sendButton = iconButton("send", "Send now", () => send(), "send");
  let offer = null;
  let active = 0;
  let recalled = -1;
  let moved = false;

  const changed = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 200)}px`;
    sendButton.disabled = area.value.trim() === "";
    drafts.set(key, area.value);
  };
  const suggest = () => {
    offer = completions(world, area.value, area.selectionStart);
    active = 0;
    moved = false;
    drawOffer();
  };
  const hide = () => {
    offer = null;
    drawOffer();
  };
  const drawOffer = () => {
    list.hidden = !offer;
    area.setAttribute("aria-expanded", String(Boolean(offer)));
    area.setAttribute("aria-activedescendant", offer ? `${listId}-${active}` : "");
    list.replaceChildren(...(offer?.items ?? []).map((item, i) =>
      h("li", { id: `${listId}-${i}`, role: "option", class: i === active ? "active" : "", "aria-selected": String(i === active),
        on: { pointerdown: (e) => e.preventDefault(), click: () => accept(item), pointermove: () => i !== active && ((active = i), drawOffer()) } },
      item.glyph ? h("span", { class: "emoji" }, item.glyph) : null, h("b", {}, item.label), item.hint ? h("span", { class: "hint" }, item.hint) : null,
      item.description ? h("small", {}, item.description) : null)));
    list.children[active]?.scrollIntoView({ block: "nearest" });
  };
  const accept = (item) => {
    area.setRangeText(item.insert, offer.from, offer.to, "end");
    changed();
    suggest();
    area.focus();
  };
  const send = async () => {
    const text = area.value.trim();
    if (!text) return;
    hide();
    if (sent[0] !== text) sent.unshift(text);
    sent.length = Math.min(sent.length, HISTORY);
    recalled = -1;
    area.value = "";
    changed();
    const answer = await postOrToast("/sim/say", { user: world.me.id, ...place, text });
    // What could not be sent is not lost.
    if (!answer.ok && area.value === "") {
      area.value = text;
      changed();
    }
  };
  const recall = (step) => {
    const next = recalled + step;
    if (next >= sent.length || next < -1) return;
    recalled = next;
    area.value = next < 0 ? "" : sent[next];
    changed();
  };

  area.addEventListener("input", () => {
    recalled = -1;
    changed();
    suggest();
  });
  area.addEventListener("blur", hide);
  area.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const { key: pressed, shiftKey } = event;
    const step = { ArrowDown: 1, ArrowUp: -1 }[pressed];
    const exact = offer && !moved && offer.from === 0 && isWhole(world, area.value);
    if (offer && step) {
      active = (active + step + offer.items.length) % offer.items.length;
      moved = true;
      drawOffer();
    } else if (offer && (pressed === "Tab" || (pressed === "Enter" && !shiftKey && !exact))) accept(offer.items[active]);
    else if (offer && pressed === "Escape") {
      hide();
      event.stopPropagation();
    } else if (pressed === "Enter" && !shiftKey) send();
    else if (step && !area.value.includes("\n") && (area.value === "" || recalled >= 0)) recall(-step);
    else return;
    event.preventDefault();
  });

  area.value = drafts.get(key) ?? "";
  const node = h("div", { class: "composer" }, list, h("div", { class: "compose-box" }, area,
    h("div", { class: "compose-foot" }, h("span", { class: "compose-hint" }, h("b", {}, "/"), " commands · ", h("b", {}, "@"), " people · ", h("b", {}, "Shift+Enter"), " new line"), sendButton)));
  requestAnimationFrame(changed);
  return { node, focus: () => area.focus() };
}

/** A command that can run as it stands, so Enter sends it rather than taking the first suggestion. */
function isWhole(world, text) {
  const space = text.indexOf(" ");
  const command = world.commands.find((c) => c.command === (space < 0 ? text : text.slice(0, space)));
  if (!command) return false;
  const typed = text.slice(space + 1).trim().toLowerCase();
  return space > 0 && typed !== "" && (command.completions ?? []).some((c) => {
    const words = /^[^<[]*/.exec(c.split(" — ")[0])[0].trim().toLowerCase();
    return typed === words || typed.startsWith(`${words} `);
  });
}
