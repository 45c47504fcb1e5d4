// The first-run hint. Dismissed once, it stays away in this browser.
import { h, iconButton } from "./dom.js";
import { go } from "./route.js";

const KEY = "local-slack-hint";
const ROOM = "feeds-alerts";

export function banner(world) {
  if (remembered()) return null;
  const room = [...world.channels.values()].find((c) => c.name === ROOM);
  const command = world.commands[0]?.command ?? "/wk";
  const where = room
    ? h("a", { href: "#", on: { click: (event) => { event.preventDefault(); go({ channel: room.id }); } } }, `#${ROOM}`)
    : "a channel";
  const node = h("aside", { class: "banner", "aria-label": "Hint" },
    h("p", {}, h("span", { class: "banner-lead" }, "This is a local Slack. "), "Try ", h("kbd", {}, `${command} help`), " in ", where, "."),
    iconButton("close", "Dismiss hint", () => {
      node.remove();
      try {
        localStorage.setItem(KEY, "seen");
      } catch {
        // Private windows may refuse storage; the hint then comes back, which is no harm.
      }
    }));
  return node;
}

function remembered() {
  try {
    return localStorage.getItem(KEY) === "seen";
  } catch {
    return false;
  }
}
