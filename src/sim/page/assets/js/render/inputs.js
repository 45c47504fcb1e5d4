// Elements one types into or ticks: text fields, dates, times, checkboxes and radio buttons.
import { h } from "../dom.js";
import { bare, text } from "./text.js";

let names = 0;

export function choiceList(el, at, surface) {
  const many = el.type === "checkboxes";
  const kept = surface.value(at, el);
  let chosen = many ? (kept?.selected_options ?? el.initial_options ?? []) : [kept?.selected_option ?? el.initial_option].filter(Boolean);
  const write = () => (many ? { selected_options: chosen } : { selected_option: chosen[0] ?? null });
  if (chosen.length) surface.keep(at, el, write());
  const name = `choice-${(names += 1)}`;
  const box = h("div", { class: "choices", role: many ? "group" : "radiogroup" });
  for (const option of el.options ?? []) {
    const input = h("input", { type: many ? "checkbox" : "radio", name, checked: chosen.some((c) => c.value === option.value) });
    input.addEventListener("change", async () => {
      const before = chosen;
      const others = many ? chosen.filter((c) => c.value !== option.value) : [];
      chosen = input.checked ? [...others, option] : others;
      if (!(await surface.choose(at, el, write(), box))) {
        chosen = before;
        box.querySelectorAll("input").forEach((field, i) => (field.checked = chosen.some((c) => c.value === el.options[i].value)));
      }
    });
    box.append(h("label", { class: "choice" }, input,
      h("span", {}, text(option.text, surface.world), option.description ? h("small", {}, text(option.description, surface.world)) : null)));
  }
  return box;
}

const MOMENTS = {
  datepicker: { type: "date", key: "selected_date", initial: "initial_date" },
  timepicker: { type: "time", key: "selected_time", initial: "initial_time" },
  datetimepicker: { type: "datetime-local", key: "selected_date_time", initial: "initial_date_time" },
};

export function pickMoment(el, at, surface) {
  const { type, key, initial } = MOMENTS[el.type];
  const unix = el.type === "datetimepicker";
  const local = (seconds) => new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const value = surface.value(at, el)?.[key] ?? el[initial] ?? null;
  if (value) surface.keep(at, el, { [key]: value });
  const node = h("input", { class: "field moment", type, value: value && unix ? local(value) : value, "aria-label": bare(el.placeholder) || type });
  node.addEventListener("change", () => {
    const entered = unix && node.value ? Math.floor(new Date(node.value).getTime() / 1000) : node.value || null;
    surface.choose(at, el, { [key]: entered }, node);
  });
  return node;
}

const TYPES = { number_input: "number", email_text_input: "email", url_text_input: "url" };
const SETTLE_MS = 300;

export function typed(el, at, surface) {
  const rich = el.type === "rich_text_input";
  const kept = surface.value(at, el);
  const first = (rich ? richToText(kept?.rich_text_value ?? el.initial_value) : kept?.value ?? el.initial_value) ?? "";
  const write = () => (rich ? { rich_text_value: textToRich(node.value) } : { value: node.value === "" ? null : node.value });
  const shared = { class: "field", placeholder: bare(el.placeholder), maxlength: el.max_length, autofocus: el.focus_on_load || null,
    "aria-label": at.label ?? bare(el.placeholder) };
  const area = el.multiline || rich;
  const node = area
    ? h("textarea", { ...shared, rows: 4 })
    : h("input", { ...shared, type: TYPES[el.type] ?? "text", min: el.min_value, max: el.max_value, autocomplete: "off",
      step: el.type === "number_input" ? (el.is_decimal_allowed ? "any" : 1) : null });
  node.value = first;
  if (first !== "") surface.keep(at, el, write());
  const on = el.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  let timer = 0;
  node.addEventListener("input", () => {
    surface.keep(at, el, write());
    if (!at.dispatch || !on.includes("on_character_entered")) return;
    clearTimeout(timer);
    timer = setTimeout(() => surface.choose(at, el, write(), null), SETTLE_MS);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || (area && !event.metaKey && !event.ctrlKey)) return;
    if (!at.dispatch || !on.includes("on_enter_pressed")) return;
    event.preventDefault();
    event.stopPropagation();
    surface.choose(at, el, write(), null);
  });
  return node;
}

const textToRich = (value) => ({ type: "rich_text", elements: [{ type: "rich_text_section", elements: value ? [{ type: "text", text: value }] : [] }] });
const richToText = (block) => block?.elements?.flatMap((s) => (s.elements ?? []).map((e) => e.text ?? e.url ?? "")).join("") ?? "";
