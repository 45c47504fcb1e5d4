// Block Kit: every block a message, the Home tab or a modal may hold.
import { h, fragment } from "../dom.js";
import { element } from "./elements.js";
import { picture, image } from "./image.js";
import { markdown } from "./markdown.js";
import { richText } from "./rich_text.js";
import { bare, text } from "./text.js";

export function blocks(list, surface) {
  return fragment((list ?? []).map((spec, index) => block(spec, index, surface)));
}

function block(spec, index, surface) {
  const at = { blockId: spec.block_id ?? `block-${index}`, dispatch: true };
  const node = draw(spec, at, surface);
  node.classList.add("block");
  node.dataset.block = at.blockId;
  return node;
}

function draw(spec, at, surface) {
  const { world } = surface;
  switch (spec.type) {
    case "section":
      return section(spec, at, surface);
    case "header":
      return h("h3", { class: "block-header" }, text(spec.text, world));
    case "context":
      return h("div", { class: "block-context" }, (spec.elements ?? []).map((e) =>
        (e.type === "image" ? image(e, "context-image") : h("span", { class: "text" }, text(e, world)))));
    case "divider":
      return h("hr", { class: "block-divider" });
    case "actions":
    case "context_actions":
      return h("div", { class: "block-actions" }, (spec.elements ?? []).map((e) => element(e, at, surface)));
    case "image":
      return h("figure", { class: "block-image" },
        spec.title ? h("figcaption", {}, text(spec.title, world)) : null, picture(spec, bare(spec.title)));
    case "input":
      return input(spec, at, surface);
    case "rich_text":
      return richText(spec, world);
    case "markdown":
      return markdown(spec.text);
    case "table":
      return table(spec, world);
    case "alert":
      return h("div", { class: `block-alert ${["warning", "error", "success"].includes(spec.level) ? spec.level : ""}` }, text(spec.text, world));
    case "video":
    case "file":
    default:
      return h("div", { class: "unknown" }, bare(spec.title) || `A “${spec.type}” block is not shown here`);
  }
}

function section(spec, at, surface) {
  const { world } = surface;
  const body = h("div", { class: "section-body" },
    spec.text ? h("div", { class: "text" }, text(spec.text, world)) : null,
    spec.fields?.length ? h("div", { class: "fields" }, spec.fields.map((f) => h("div", { class: "text" }, text(f, world)))) : null);
  const side = spec.accessory ? h("div", { class: "accessory" }, element(spec.accessory, at, surface)) : null;
  return h("div", { class: "block-section" }, body, side);
}

function input(spec, at, surface) {
  const label = bare(spec.label);
  const field = element(spec.element, { blockId: at.blockId, dispatch: spec.dispatch_action === true, label }, surface);
  if (!/^(INPUT|TEXTAREA)$/.test(field.tagName)) field.setAttribute("aria-label", label);
  const { type, action_id: actionId } = spec.element;
  return h("div", { class: "block-input", data: { input: actionId, kind: type, optional: Boolean(spec.optional) } },
    h("div", { class: "input-label" }, text(spec.label, surface.world), spec.optional ? h("span", { class: "optional" }, " (optional)") : null),
    field,
    h("p", { class: "input-error", role: "alert", hidden: true }),
    spec.hint ? h("p", { class: "input-hint" }, text(spec.hint, surface.world)) : null);
}

function table(spec, world) {
  const settings = spec.column_settings ?? [];
  const cell = (c) => (c?.type === "rich_text" ? richText(c, world) : String(c?.text ?? ""));
  const line = (row, tag) => h("tr", {}, row.map((c, i) =>
    h(tag, { data: { align: settings[i]?.align ?? "left", wrap: settings[i]?.is_wrapped ?? true } }, cell(c))));
  const [head = [], ...rest] = spec.rows ?? [];
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", {}, h("thead", {}, line(head, "th")), h("tbody", {}, rest.map((row) => line(row, "td")))));
}
