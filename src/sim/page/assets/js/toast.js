// Short notes at the bottom that go away by themselves.
import { h, iconButton } from "./dom.js";

const STAYS_MS = 7000;
let host = null;

export function toast(text) {
  host ??= document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite", popover: "manual" }));
  // Shown anew so that it lies above a dialog opened since.
  if (host.matches(":popover-open")) host.hidePopover?.();
  host.showPopover?.();
  const note = h("div", { class: "toast" }, h("span", {}, text));
  const drop = () => {
    note.remove();
    if (!host.childElementCount) host.hidePopover?.();
  };
  note.append(iconButton("close", "Dismiss", drop));
  host.append(note);
  setTimeout(drop, STAYS_MS);
}
