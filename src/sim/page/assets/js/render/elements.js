// Block elements that act at once: buttons, overflow menus and every kind of select. Those one types into are in inputs.js.
import { h, icon, safeUrl } from "../dom.js";
import { openMenu } from "../menu.js";
import { bare, text } from "./text.js";
import { image } from "./image.js";
import { choiceList, pickMoment, typed } from "./inputs.js";

/** `at` is {blockId, dispatch}: which block this is in, and whether a choice goes to the app at once. */
export function element(el, at, surface) {
  const node = draw(el, at, surface);
  if (el.action_id) node.dataset.action = `${at.blockId}/${el.action_id}`;
  return node;
}

function draw(el, at, surface) {
  switch (el.type) {
    case "button":
    case "workflow_button":
      return button(el, at, surface);
    case "overflow":
      return overflow(el, at, surface);
    case "image":
      return image(el, "block-thumb");
    case "static_select":
    case "external_select":
    case "users_select":
    case "conversations_select":
    case "channels_select":
      return single(el, at, surface);
    case "multi_static_select":
    case "multi_external_select":
    case "multi_users_select":
    case "multi_conversations_select":
    case "multi_channels_select":
      return multiple(el, at, surface);
    case "checkboxes":
    case "radio_buttons":
      return choiceList(el, at, surface);
    case "datepicker":
    case "timepicker":
    case "datetimepicker":
      return pickMoment(el, at, surface);
    case "plain_text_input":
    case "number_input":
    case "email_text_input":
    case "url_text_input":
    case "rich_text_input":
      return typed(el, at, surface);
    default:
      return h("span", { class: "unknown" }, `${el.type} is not shown here`);
  }
}

function button(el, at, surface) {
  const style = ["primary", "danger"].includes(el.style) ? el.style : "";
  const press = () => surface.choose(at, el, { value: el.value }, node);
  const href = safeUrl(el.url);
  const node = href && !el.confirm
    ? h("a", { class: `btn ${style}`, href, target: "_blank", rel: "noopener noreferrer", role: "button", "aria-label": el.accessibility_label, on: { click: press } })
    : h("button", { type: "button", class: `btn ${style}`, "aria-label": el.accessibility_label, on: { click: () => pressAndOpen() } });
  const pressAndOpen = async () => {
    if ((await press()) && href) open(href, "_blank", "noopener");
  };
  node.append(h("span", {}, text(el.text, surface.world)));
  return node;
}

function overflow(el, at, surface) {
  const items = (el.options ?? []).map((option) => item(option, surface.world));
  const pick = async ({ value }) => {
    if (!(await surface.choose(at, el, { selected_option: value }, node))) return;
    const href = safeUrl(value.url);
    if (href) open(href, "_blank", "noopener");
  };
  const node = h("button", {
    type: "button", class: "btn overflow", "aria-label": "More actions", "aria-haspopup": "listbox", "aria-expanded": "false",
    on: { click: () => openMenu(node, { label: "More actions", items, pick }) },
  }, icon("more"));
  return node;
}

const item = (option, world, group) => ({
  value: option, group, label: bare(option.text), node: () => text(option.text, world), description: option.description ? bare(option.description) : null,
});

/** What each select offers, how a choice is written, and how a written choice reads. */
function source(el, surface) {
  const { world } = surface;
  const kind = el.type.replace(/^multi_/, "").replace(/_select$/, "");
  if (kind === "users") {
    const person = (id) => ({ value: id, label: world.user(id)?.real_name ?? id, description: world.user(id)?.profile?.title || null });
    return { one: "selected_user", many: "selected_users", first: el.initial_user, firsts: el.initial_users,
      items: () => [...world.users.keys()].map(person), read: (id) => world.userName(id) };
  }
  if (kind === "conversations" || kind === "channels") {
    const one = kind === "channels" ? "channel" : "conversation";
    const wanted = (c) => !c.is_archived && (kind === "conversations" || !c.is_im);
    const name = (id) => (world.channels.get(id)?.is_im ? "" : "#") + world.channelName(id);
    return { one: `selected_${one}`, many: `selected_${one}s`, first: el[`initial_${one}`], firsts: el[`initial_${one}s`],
      items: () => [...world.channels.values()].filter(wanted).map((c) => ({ value: c.id, label: name(c.id) })), read: name };
  }
  const flat = ({ options, option_groups: groups }) => [
    ...(options ?? []).map((o) => item(o, world)),
    ...(groups ?? []).flatMap((g) => g.options.map((o) => item(o, world, bare(g.label)))),
  ];
  return { one: "selected_option", many: "selected_options", first: el.initial_option, firsts: el.initial_options,
    items: () => flat(el), read: (option) => bare(option?.text),
    load: kind === "external" ? (at, query) => surface.suggest(at, el, query).then(flat) : null };
}

const same = (a, b) => (a?.value ?? a) === (b?.value ?? b);

function face(el, shown) {
  return h("button", { type: "button", class: "select", role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false",
    "aria-label": bare(el.placeholder) || "Choose" }, shown, icon("down"));
}

function offers(el, from, at) {
  const least = el.min_query_length ?? 3;
  if (!from.load) return { items: null, filter: from.items().length > 7 };
  return { load: (query) => (query.length < least ? [] : from.load(at, query)), filter: true,
    empty: least ? `Type ${least} or more characters to search` : "No results" };
}

function single(el, at, surface) {
  const from = source(el, surface);
  let chosen = surface.value(at, el)?.[from.one] ?? from.first ?? null;
  if (chosen) surface.keep(at, el, { [from.one]: chosen });
  const shown = h("span", { class: "select-text" });
  const show = () => {
    shown.textContent = chosen ? from.read(chosen) : bare(el.placeholder) || "Choose";
    shown.classList.toggle("placeholder", !chosen);
  };
  const pick = async ({ value }) => {
    const before = chosen;
    chosen = value;
    show();
    if (!(await surface.choose(at, el, { [from.one]: value }, node))) {
      chosen = before;
      show();
    }
  };
  const node = face(el, shown);
  node.addEventListener("click", () => {
    const items = from.load ? null : from.items().map((i) => ({ ...i, selected: same(i.value, chosen) }));
    openMenu(node, { label: bare(el.placeholder) || "Options", ...offers(el, from, at), items, pick });
  });
  show();
  return node;
}

function multiple(el, at, surface) {
  const from = source(el, surface);
  let chosen = surface.value(at, el)?.[from.many] ?? from.firsts ?? [];
  if (chosen.length) surface.keep(at, el, { [from.many]: chosen });
  const shown = h("span", { class: "select-text" });
  const show = () => {
    shown.replaceChildren(...chosen.map((c) => h("span", { class: "chip" }, from.read(c))));
    if (!chosen.length) shown.textContent = bare(el.placeholder) || "Choose";
    shown.classList.toggle("placeholder", !chosen.length);
  };
  const node = face(el, shown);
  node.addEventListener("click", () => {
    const before = chosen;
    const mark = (found) => found.map((i) => ({ ...i, selected: chosen.some((c) => same(c, i.value)) }));
    const offered = offers(el, from, at);
    const load = offered.load && (async (query) => mark(await offered.load(query)));
    const pick = ({ value }) => {
      const has = chosen.some((c) => same(c, value));
      if (!has && el.max_selected_items && chosen.length >= el.max_selected_items) return;
      chosen = has ? chosen.filter((c) => !same(c, value)) : [...chosen, value];
      surface.keep(at, el, { [from.many]: chosen });
      show();
    };
    const closed = () => chosen !== before && surface.choose(at, el, { [from.many]: chosen }, node);
    openMenu(node, { label: bare(el.placeholder) || "Options", ...offered, load, items: load ? null : mark(from.items()), pick, multi: true, closed });
  });
  show();
  return node;
}
