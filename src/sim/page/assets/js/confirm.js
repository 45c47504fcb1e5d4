// Slack's confirmation dialog; answers true only when the confirming button was pressed.
import { h, iconButton } from "./dom.js";
import { text } from "./render/text.js";

export function confirmed(spec, world) {
  return new Promise((resolve) => {
    const style = spec.style === "danger" ? "danger" : "primary";
    const dialog = h("dialog", { class: "dialog confirm", "aria-labelledby": "confirm-title" });
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    dialog.append(
      h("header", { class: "dialog-head" },
        h("h2", { id: "confirm-title" }, text(spec.title, world, "Are you sure?")),
        iconButton("close", "Close", () => end(false))),
      h("div", { class: "dialog-body text" }, text(spec.text, world, "")),
      h("footer", { class: "dialog-foot" },
        h("button", { type: "button", class: "btn", on: { click: () => end(false) } }, text(spec.deny, world, "Cancel")),
        h("button", { type: "button", class: `btn ${style}`, autofocus: true, on: { click: () => end(true) } }, text(spec.confirm, world, "Yes"))),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(false);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
