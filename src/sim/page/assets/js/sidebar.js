// The left pane: channels, direct messages, the app, and who one is.
import { avatar } from "./avatar.js";
import { h, icon } from "./dom.js";
import { openMenu } from "./menu.js";
import { go, href, route } from "./route.js";

export function sidebar(world) {
  const list = h("div", { class: "side-list" });
  const node = h("nav", { class: "sidebar", "aria-label": "Workspace" },
    h("header", { class: "side-head" }, h("h1", {}, world.team.name), h("span", { class: "local" }, "local")), list, me(world));
  const draw = () => list.replaceChildren(...sections(world));
  draw();
  for (const type of ["channel", "read", "unread", "app", "users"]) world.on(type, draw);
  return { node, draw };
}

function sections(world) {
  const here = route().channel;
  const channels = [...world.channels.values()].filter((c) => !c.is_archived);
  const rooms = channels.filter((c) => !c.is_im).sort((a, b) => a.name.localeCompare(b.name));
  const people = channels.filter((c) => c.is_im && !world.isAppChannel(c.id));
  return [
    section("Channels", rooms.map((c) => row(world, here, c, icon(c.is_private ? "lock" : "hash")))),
    people.length ? section("Direct messages", people.map((c) => row(world, here, c, avatar(world, c.user)))) : null,
    world.app ? section("Apps", [appRow(world, here)]) : null,
  ].filter(Boolean);
}

const section = (title, rows) => h("section", {}, h("h2", {}, title), h("ul", {}, rows));

function appRow(world, here) {
  const id = world.appChannel();
  const channel = world.channels.get(id) ?? { id, is_im: true, user: id, unread: 0 };
  return row(world, here, channel, avatar(world, world.app.bot_user_id), world.isAppChannel(here));
}

function row(world, here, channel, picture, current = channel.id === here) {
  const name = channel.is_im ? world.userName(channel.user) : channel.name;
  const unread = current ? 0 : (channel.unread ?? 0);
  const place = { channel: channel.id, tab: world.isAppChannel(channel.id) ? (unread ? "messages" : "home") : null };
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(place);
  };
  return h("li", {}, h("a", { class: `side-row${unread ? " unread" : ""}`, href: href({ user: world.me.id, ...place }), "aria-current": current ? "page" : null,
    "aria-label": unread ? `${name}, ${unread} unread` : name, on: { click: open } },
  picture, h("span", { class: "side-name" }, name), unread ? h("span", { class: "badge", "aria-hidden": "true" }, unread > 99 ? "99+" : String(unread)) : null));
}

/** Who one is, and the way to be somebody else: here, or in a second tab beside this one. */
function me(world) {
  const title = (user) => user.profile?.title ?? "";
  const items = () => world.people().map((user) => ({
    value: user.id, label: user.real_name, selected: user.id === world.me.id,
    node: () => h("span", { class: "person" }, avatar(world, user.id), h("span", {}, user.real_name, h("small", {}, title(user) || `@${user.name}`))),
  }));
  const become = (id) => location.assign(href({ ...route(), user: id, thread: null }));
  const button = h("button", { type: "button", class: "me", "aria-haspopup": "listbox", "aria-expanded": "false", "aria-label": `You are ${world.me.real_name}. Switch person`,
    on: { click: () => openMenu(button, { label: "Switch person", items: items(), pick: ({ value }) => value !== world.me.id && become(value) }) } },
  avatar(world, world.me.id), h("span", { class: "me-name" }, h("b", {}, world.me.real_name), h("small", {}, title(world.me))), icon("down"));
  const beside = h("button", { type: "button", class: "icon-btn", "aria-label": "Open a second tab as somebody else", title: "Open a second tab as somebody else",
    "aria-haspopup": "listbox", "aria-expanded": "false",
    on: { click: () => openMenu(beside, { label: "Open a second tab as", items: items().filter((i) => !i.selected), pick: ({ value }) => open(href({ ...route(), user: value, thread: null }), "_blank") }) } }, icon("window"));
  return h("footer", { class: "side-me" }, button, beside);
}
