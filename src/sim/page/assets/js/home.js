// The app's Home tab: opening it tells the app, and the app publishes a view.
import { post } from "./api.js";
import { h, fragment } from "./dom.js";
import { blocks } from "./render/blocks.js";
import { refill } from "./refill.js";
import { Surface } from "./surface.js";

export function homeTab(world) {
  const node = h("div", { class: "home", role: "tabpanel", "aria-label": "Home" });
  let surface = null;
  const draw = (view) => {
    world.home = view;
    if (surface?.container.view_id !== view.id) surface = new Surface(world, { type: "view", view_id: view.id });
    refill(node, h("div", { class: "home-view" }, blocks(view.blocks, surface)));
  };
  const empty = (text) => !world.home && node.replaceChildren(fragment(h("p", { class: "home-empty" }, text)));
  if (world.home) draw(world.home);
  else empty("Opening Home…");
  const off = world.on("home", ({ view }) => draw(view));
  post("/sim/home", { user: world.me.id }).then((answer) => !answer.ok && empty(answer.error ?? "The app did not answer."));
  return { node, stop: off };
}
