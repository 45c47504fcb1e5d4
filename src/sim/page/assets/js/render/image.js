// Pictures: image blocks, image elements and uploaded files; each opens large when pressed.
import { h, iconButton, safeUrl } from "../dom.js";

/** Where a picture's bytes are. A Slack file is served by this workspace whatever host its address names. */
export function imageSource(spec) {
  const file = spec.slack_file;
  if (file) return fileUrl(file.id ?? /\b(F[A-Z0-9]{6,})\b/.exec(file.url ?? "")?.[1]);
  return safeUrl(spec.image_url);
}

export const fileUrl = (id) => (id ? `/files/${encodeURIComponent(id)}` : null);

export function image(spec, cls) {
  const src = imageSource(spec);
  if (!src) return h("span", { class: "unknown" }, spec.alt_text || "image");
  const node = h("img", { class: cls, src, alt: spec.alt_text ?? "", width: spec.image_width, height: spec.image_height });
  node.addEventListener("error", () => node.replaceWith(h("span", { class: "unknown" }, spec.alt_text || "image not available")), { once: true });
  return node;
}

export function picture(spec, title) {
  const node = image(spec, "picture");
  if (node.tagName !== "IMG") return node;
  return h("button", { type: "button", class: "picture-btn", "aria-label": `Open image: ${title || spec.alt_text || "image"}`,
    on: { click: () => lightbox(node.src, title || spec.alt_text || "") } }, node);
}

function lightbox(src, title) {
  const dialog = h("dialog", { class: "lightbox", "aria-label": title || "Image" });
  const close = () => dialog.remove();
  dialog.append(h("header", {}, h("span", {}, title), iconButton("close", "Close", close)), h("img", { src, alt: title }));
  dialog.addEventListener("close", close);
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
}
