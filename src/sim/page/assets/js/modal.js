// Modals: the app's views, one upon the other, with Slack's validation and the app's own errors.
import { post, postOrToast } from "./api.js";
import { h, icon, iconButton } from "./dom.js";
import { closeMenu } from "./menu.js";
import { refill } from "./refill.js";
import { blocks } from "./render/blocks.js";
import { text } from "./render/text.js";
import { Surface } from "./surface.js";

export class Modals {
  #world;
  #views = new Map();
  #surfaces = new Map();
  #stack = [];
  #dialog = null;
  #back = null;

  constructor(world) {
    this.#world = world;
    world.on("view", ({ view, stack }) => this.#show(view, stack));
    world.on("view_closed", ({ stack = [] }) => this.#trim(stack));
  }

  /** The views that were open when the page was loaded, lowest first. */
  restore(views) {
    const stack = views.map((v) => v.id);
    for (const view of views) this.#views.set(view.id, view);
    this.#trim(stack);
  }

  #show(view, stack) {
    this.#views.set(view.id, view);
    this.#trim(stack ?? [...this.#stack.filter((id) => id !== view.id), view.id]);
  }

  #trim(stack) {
    this.#stack = stack.filter((id) => this.#views.has(id));
    for (const id of [...this.#views.keys()]) {
      if (this.#stack.includes(id)) continue;
      this.#views.delete(id);
      this.#surfaces.delete(id);
    }
    this.#draw();
  }

  #draw() {
    const id = this.#stack.at(-1);
    if (!id) {
      closeMenu();
      this.#dialog?.close();
      this.#dialog?.remove();
      this.#dialog = null;
      if (this.#back?.isConnected) this.#back.focus();
      return;
    }
    if (!this.#dialog) this.#open();
    const view = this.#views.get(id);
    const fresh = this.#dialog.dataset.view !== id;
    if (!this.#surfaces.has(id)) this.#surfaces.set(id, new Surface(this.#world, { type: "view", view_id: id }));
    this.#dialog.dataset.view = id;
    const parts = this.#parts(view);
    if (fresh) this.#dialog.replaceChildren(...parts);
    else refill(this.#dialog, ...parts);
    if (fresh) (this.#dialog.querySelector("[autofocus]") ?? this.#dialog.querySelector(".dialog-body :is(input, textarea, .select)") ?? this.#dialog).focus();
  }

  #open() {
    this.#back = document.activeElement;
    this.#dialog = h("dialog", { class: "dialog modal", "aria-labelledby": "modal-title", tabindex: "-1" });
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#close(this.#stack.at(-1));
    });
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  #parts(view) {
    const nested = this.#stack.length > 1;
    const surface = this.#surfaces.get(view.id);
    const submit = view.submit || view.blocks?.some((b) => b.type === "input");
    const form = h("form", { class: "dialog-body", novalidate: true, id: "modal-form" }, blocks(view.blocks, surface));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (submit) this.#submit(view, form);
    });
    return [
      h("header", { class: "dialog-head" },
        nested ? iconButton("back", "Back", () => this.#close(view.id)) : null,
        h("h2", { id: "modal-title" }, text(view.title, this.#world)),
        iconButton("close", "Close", () => this.#close(this.#stack[0]))),
      form,
      h("footer", { class: "dialog-foot" },
        h("button", { type: "button", class: "btn", on: { click: () => this.#close(view.id) } }, text(view.close, this.#world, nested ? "Back" : "Cancel")),
        submit ? h("button", { type: "submit", form: "modal-form", class: "btn primary", disabled: view.submit_disabled === true }, text(view.submit, this.#world, "Submit")) : null),
    ];
  }

  async #submit(view, form) {
    const { values } = this.#surfaces.get(view.id);
    const missing = missingFields(form, values);
    showErrors(form, missing);
    if (Object.keys(missing).length) return;
    const button = this.#dialog.querySelector("button[type=submit]");
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    const answer = await post("/sim/view/submit", { user: this.#world.me.id, view_id: view.id, values });
    button.removeAttribute("aria-busy");
    if (answer.errors) showErrors(form, answer.errors);
    else if (!answer.ok) this.#trouble(answer.error);
  }

  /** Slack puts it at the foot of the modal; what was entered stays. */
  #trouble(error) {
    this.#dialog?.querySelector(".dialog-trouble")?.remove();
    const note = h("p", { class: "dialog-trouble", role: "alert" }, icon("close"), error ?? "We had some trouble connecting. Try again?");
    this.#dialog?.querySelector(".dialog-foot")?.before(note);
  }

  #close(viewId) {
    return postOrToast("/sim/view/close", { user: this.#world.me.id, view_id: viewId });
  }
}

const REQUIRED = "Please complete this required field.";

function missingFields(form, values) {
  const errors = {};
  for (const block of form.querySelectorAll(".block-input")) {
    const entered = values[block.dataset.block]?.[block.dataset.input];
    const given = Object.entries(entered ?? {}).some(([key, v]) => key !== "type" && v !== null && v !== "" && !(Array.isArray(v) && !v.length));
    const field = block.querySelector("input, textarea");
    if (block.dataset.optional !== "true" && !given) errors[block.dataset.block] = REQUIRED;
    else if (given && field?.validity && !field.validity.valid) errors[block.dataset.block] = field.validationMessage;
  }
  return errors;
}

function showErrors(form, errors) {
  let first = null;
  for (const block of form.querySelectorAll(".block-input")) {
    const error = errors[block.dataset.block];
    const line = block.querySelector(".input-error");
    line.hidden = !error;
    line.textContent = error ?? "";
    block.classList.toggle("wrong", Boolean(error));
    if (error) first ??= block;
  }
  first?.scrollIntoView({ block: "center" });
  first?.querySelector("input, textarea, button")?.focus({ preventScroll: true });
}
