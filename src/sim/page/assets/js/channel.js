// The middle pane: a channel or direct messages; for the app also its Home tab.
import { get } from "./api.js";
import { avatar } from "./avatar.js";
import { composer } from "./composer.js";
import { h, icon, iconButton } from "./dom.js";
import { homeTab } from "./home.js";
import { plain } from "./render/mrkdwn.js";
import { go } from "./route.js";
import { Timeline, follow } from "./timeline.js";

export function channelPane(world, { channel: id, tab }) {
  const isApp = world.isAppChannel(id);
  const showHome = isApp && tab !== "messages";
  const heading = h("div", { class: "pane-title" });
  const drawHead = () => heading.replaceChildren(...head(world, id, isApp));
  const node = h("main", { class: "channel panel", "aria-label": world.channelName(id) },
    h("header", { class: "pane-head" }, iconButton("back", "Back to channels", () => go({}), "back"), heading));
  drawHead();
  const off = world.on("channel", drawHead);
  if (isApp) node.append(tabs(id, showHome));
  if (showHome) {
    const home = homeTab(world);
    node.append(home.node);
    return { node, stop: () => [off, home.stop].forEach((run) => run()) };
  }
  const timeline = new Timeline(world, { channel: id, thread: null, label: `Messages in ${world.channelName(id)}`, intro: intro(world, id, isApp) });
  const channel = world.channels.get(id);
  const compose = composer(world, { channel: id }, channel && !channel.is_im ? `Message #${channel.name}` : `Message ${world.channelName(id)}`);
  // The workspace counts as read what was asked for; what came in while this pane was open is asked for on leaving it.
  let arrived = false;
  const offArrived = world.on("message", (event) => (arrived ||= event.channel === id));
  const leave = () => arrived && get("/sim/messages", { user: world.me.id, channel: id });
  const { ready, stop } = follow(world, timeline, { channel: id }, (place) => get("/sim/messages", { user: world.me.id, ...place }));
  node.append(timeline.node, channel && !channel.is_member && !channel.is_im
    ? h("p", { class: "not-member" }, `You are looking at #${channel.name}; ${world.userName(world.me.id)} is not a member.`)
    : compose.node);
  ready.then((answer) => {
    if (answer.channel) world.emit("read", { channel: answer.channel.id });
    if (matchMedia("(min-width: 760px)").matches && !document.activeElement?.closest("dialog, .thread")) compose.focus();
  });
  return { node, stop: () => [off, offArrived, stop, leave].forEach((run) => run()) };
}

function head(world, id, isApp) {
  const channel = world.channels.get(id);
  if (!channel || channel.is_im) {
    const user = channel?.user ?? id;
    return [h("h1", {}, avatar(world, user), world.userName(user), isApp ? h("span", { class: "app-badge" }, "App") : null)];
  }
  const count = channel.num_members ?? channel.members?.length;
  return [
    h("h1", {}, icon(channel.is_private ? "lock" : "hash"), channel.name, channel.is_ext_shared ? h("span", { class: "app-badge" }, "Shared") : null),
    channel.topic?.value ? h("p", { class: "topic" }, plain(channel.topic.value)) : null,
    count ? h("span", { class: "members", title: (channel.members ?? []).map((m) => world.userName(m)).join(", ") }, icon("person"), String(count)) : null,
  ].filter(Boolean);
}

function tabs(id, showHome) {
  const tab = (label, name, on) =>
    h("button", { type: "button", role: "tab", "aria-selected": String(on), on: { click: () => go({ channel: id, tab: name }) } }, label);
  return h("div", { class: "tabs", role: "tablist", "aria-label": "App" }, tab("Home", "home", showHome), tab("Messages", "messages", !showHome));
}

function intro(world, id, isApp) {
  const channel = world.channels.get(id);
  if (isApp) return h("div", { class: "intro" }, h("h2", {}, world.userName(world.app.bot_user_id)), h("p", {}, "Ask in plain words, for example “status” or “feed SOL/USD”. Only you and the app see this."));
  if (!channel || channel.is_im) return h("div", { class: "intro" }, h("p", {}, "The start of your direct messages."));
  return h("div", { class: "intro" }, h("h2", {}, `#${channel.name}`), h("p", {}, channel.purpose?.value || "The very beginning of this channel."));
}
