// Builds DOM nodes. Nothing on this page is ever parsed as HTML: text goes in as text nodes only.

/** `h("button", {class: "btn", on: {click}}, "Send")`. `true` sets an empty attribute; null, undefined and false set none. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "css") for (const [property, v] of Object.entries(value)) node.style.setProperty(property, v);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...flat(children));
  return node;
}

export const fragment = (...children) => {
  const node = document.createDocumentFragment();
  node.append(...flat(children));
  return node;
};

const flat = (children) => children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);

/** The address if a person may safely follow it, else null: no javascript:, no data:. */
export function safeUrl(url) {
  if (typeof url !== "string") return null;
  try {
    const { protocol, href } = new URL(url, location.href);
    return ["http:", "https:", "mailto:", "tel:"].includes(protocol) ? href : null;
  } catch {
    return null;
  }
}

/** An outside link, or plain text when the address is not safe. */
export function link(url, ...label) {
  const href = safeUrl(url);
  if (!href) return h("span", {}, label);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);
}

const SHAPES = {
  hash: "M8 3 6 17M14 3l-2 14M3.5 7.5h14M2.5 12.5h14",
  lock: "M5.5 9h9v7.5h-9zM7 9V6.5a3 3 0 0 1 6 0V9",
  back: "M12.5 4 6.5 10l6 6",
  down: "m5.5 8 4.5 4.5L14.5 8",
  close: "m5 5 10 10M15 5 5 15",
  send: "M3.5 3.8 17 10 3.5 16.2 5 10.6 11 10 5 9.4Z",
  smile: "M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4M7.4 8v.6M12.6 8v.6M6.8 11.8c1.6 2.2 4.8 2.2 6.4 0",
  thread: "M3 4h14v9.5H9.5L6 16.5v-3H3zM6.5 7.5h7M6.5 10h4.5",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  check: "m4.5 10.5 3.7 3.8 7.3-8.6",
  eye: "M2 10s3-5.5 8-5.5 8 5.5 8 5.5-3 5.5-8 5.5S2 10 2 10M10 7.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8",
  file: "M5 2.8h6.5L15.5 7v10.2H5zM11.5 2.8V7h4",
  window: "M8.5 4H4v12h12v-4.5M11.5 3.5h5v5M16 4l-7 7",
  person: "M10 3.5a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4M3.8 16.7c.6-5.8 11.8-5.8 12.4 0",
};

/** A decorative icon; the control around it carries the name. */
export function icon(name) {
  const SVG = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.append(path);
  return svg;
}

/** A square button that shows only an icon. */
export const iconButton = (name, label, click, cls = "") =>
  h("button", { type: "button", class: `icon-btn ${cls}`, "aria-label": label, title: label, on: { click } }, icon(name));
