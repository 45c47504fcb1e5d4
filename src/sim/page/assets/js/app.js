// Starts the page: loads the workspace, follows the address, spreads what the WebSocket pushes.
import { banner } from "./banner.js";
import { channelPane } from "./channel.js";
import { h } from "./dom.js";
import { live } from "./live.js";
import { Modals } from "./modal.js";
import { formatDate } from "./render/date.js";
import { go, href, route, watchRoute } from "./route.js";
import { sidebar } from "./sidebar.js";
import { threadPane } from "./thread.js";
import { toast } from "./toast.js";
import { World } from "./world.js";

const ROOT = document.getElementById("app");
const REFRESH_DATES_MS = 15_000;
const PHONE = matchMedia("(max-width: 759px)");

const world = new World();
const panes = { channel: null, thread: null };
let side = null;
let offline = null;

async function start() {
  const loaded = await world.load(route().user);
  ROOT.removeAttribute("aria-busy");
  if (!loaded.ok) {
    ROOT.replaceChildren(h("p", { class: "boot" }, loaded.error ?? "The workspace did not open."),
      h("p", { class: "boot" }, h("a", { href: location.pathname }, "Try again")));
    return;
  }
  history.replaceState(null, "", href({ ...route(), user: world.me.id }));
  side = sidebar(world);
  offline = h("p", { class: "offline", role: "status", hidden: true }, "Reconnecting to the workspace…");
  ROOT.replaceChildren(banner(world) ?? "", offline, h("div", { class: "panes" }, side.node));
  const modals = new Modals(world);
  modals.restore(world.views);
  // Listening before asking: nothing that happens in between is missed.
  await live(world.me.id, { push, resync: () => resync(modals), status: (up) => (offline.hidden = up) });
  watchRoute(show);
  PHONE.addEventListener("change", () => show(route()));
  show(route());
  addEventListener("keydown", step);
  setInterval(refreshDates, REFRESH_DATES_MS);
}

async function resync(modals) {
  const loaded = await world.load(world.me.id);
  if (!loaded.ok) return;
  modals.restore(world.views);
  side.draw();
  world.emit("resync");
  if (world.home) world.emit("home", { view: world.home });
}

function push(event) {
  const channel = world.channels.get(event.channel);
  if (event.type === "message" || event.type === "ephemeral") {
    world.sawNow(event.message.ts);
    countUnread(channel, event.message);
  } else if (event.type === "channel") {
    const here = event.channel.id === route().channel && !document.hidden;
    world.channels.set(event.channel.id, here ? { ...event.channel, unread: 0 } : event.channel);
  }
  else if (event.type === "app") {
    world.app = event.app;
    world.commands = event.commands ?? world.commands;
  }
  world.emit(event.type, event);
}

function countUnread(channel, message) {
  if (!channel || message.user === world.me.id) return;
  if (message.thread_ts && message.thread_ts !== message.ts && message.subtype !== "thread_broadcast") return;
  if (channel.id === route().channel && !document.hidden) return;
  channel.unread = (channel.unread ?? 0) + 1;
  world.emit("unread");
  title();
}

/** Where to be when the address does not say: the room for alerts, else the first channel. A phone begins with the list. */
function somewhere() {
  const rooms = [...world.channels.values()].filter((c) => !c.is_im && !c.is_archived);
  return (rooms.find((c) => c.name === "feeds-alerts") ?? rooms.find((c) => c.is_member) ?? rooms[0])?.id ?? world.appChannel();
}

function show(place) {
  if (place.user && place.user !== world.me.id) return location.reload();
  const known = place.channel && (world.channels.has(place.channel) || world.isAppChannel(place.channel));
  if (!known && !PHONE.matches) return go({ channel: somewhere() }, { replace: true });
  const channel = known ? { channel: place.channel, tab: place.tab } : null;
  replace("channel", channel, () => channelPane(world, channel));
  const thread = known && place.thread ? { channel: place.channel, thread: place.thread } : null;
  replace("thread", thread, () => threadPane(world, thread));
  ROOT.dataset.pane = thread ? "thread" : channel ? "channel" : "list";
  const opened = world.channels.get(place.channel);
  if (opened) opened.unread = 0;
  side.draw();
  title();
  return undefined;
}

/** Draws a pane anew only when it shows something else than before. */
function replace(name, place, make) {
  const key = JSON.stringify(place);
  if (panes[name]?.key === key) return;
  panes[name]?.stop();
  panes[name]?.node.remove();
  panes[name] = place ? { key, ...make() } : null;
  if (!place) return;
  if (name === "channel") side.node.after(panes[name].node);
  else ROOT.querySelector(".panes").append(panes[name].node);
}

function title() {
  const unread = [...world.channels.values()].reduce((sum, c) => sum + (c.unread ?? 0), 0);
  const { channel } = route();
  const name = channel ? (world.channels.get(channel)?.is_im === false ? "#" : "") + world.channelName(channel) : world.team.name;
  document.title = `${unread ? `(${unread}) ` : ""}${name} · Local Slack`;
}

/** Alt+Up and Alt+Down go through the channels, as in Slack. */
function step(event) {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!by || !event.altKey) return;
  event.preventDefault();
  const rows = [...ROOT.querySelectorAll(".side-row")];
  const at = rows.findIndex((r) => r.hasAttribute("aria-current"));
  rows[(at + by + rows.length) % rows.length]?.click();
}

function refreshDates() {
  for (const node of document.querySelectorAll("time[data-pattern]")) {
    const text = formatDate(Number(node.dataset.unix), node.dataset.pattern, world.now());
    if (text !== null && text !== node.textContent) node.textContent = text;
  }
}

document.addEventListener("visibilitychange", () => {
  const opened = !document.hidden && world.channels.get(route().channel);
  if (!opened?.unread) return;
  opened.unread = 0;
  world.emit("unread");
  title();
});

// A mention of a channel is a place on this page.
document.addEventListener("click", (event) => {
  const mention = event.target.closest?.("a[data-channel]");
  if (!mention || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  go({ channel: mention.dataset.channel });
});

addEventListener("unhandledrejection", () => toast("Something on this page went wrong. Reload it if it looks stuck."));

start();
