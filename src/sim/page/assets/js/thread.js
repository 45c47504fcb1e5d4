// The pane on the right: one message, its replies and a box to answer in.
import { get } from "./api.js";
import { composer } from "./composer.js";
import { h, iconButton } from "./dom.js";
import { go, route } from "./route.js";
import { Timeline, follow } from "./timeline.js";

export function threadPane(world, { channel, thread }) {
  const timeline = new Timeline(world, { channel, thread, label: "Thread" });
  const compose = composer(world, { channel, thread_ts: thread }, "Reply…");
  const close = () => go({ ...route(), thread: null });
  const { ready, stop } = follow(world, timeline, { channel, thread }, (place) => get("/sim/messages", { user: world.me.id, ...place }));
  const node = h("aside", { class: "thread panel", "aria-label": "Thread" },
    h("header", { class: "pane-head" }, iconButton("back", "Back to the channel", close, "back"),
      h("h2", {}, "Thread ", h("small", {}, world.channels.get(channel)?.is_im ? world.channelName(channel) : `#${world.channelName(channel)}`)),
      iconButton("close", "Close thread", close, "wide-only")),
    timeline.node, compose.node);
  node.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && close());
  ready.then(() => matchMedia("(min-width: 760px)").matches && compose.focus());
  return { node, stop };
}
