// One message as Slack draws it: who, when, what, and what hangs below (attachments, files, reactions, replies).
import { h, icon, link, safeUrl } from "../dom.js";
import { avatar } from "../avatar.js";
import { emoji } from "../emoji.js";
import { Surface } from "../surface.js";
import { blocks } from "./blocks.js";
import { ago, fullTime, shortTime, timeOfDay, tsDate } from "./date.js";
import { fileUrl, picture } from "./image.js";
import { mrkdwn, unescape } from "./mrkdwn.js";

export const authorOf = (message) => message.user ?? message.bot_id ?? message.username ?? "";

/** `compact` leaves out picture and name: the same person goes on. `inThread` leaves out the replies line. */
export function messageNode(message, world, { compact = false, inThread = false, actions }) {
  const { ts } = message;
  const surface = new Surface(world, { type: "message", channel: message.channel, ts, is_ephemeral: Boolean(message.is_ephemeral) || undefined });
  const date = tsDate(ts);
  const name = message.username ?? (message.user ? world.userName(message.user) : message.bot_profile?.name ?? "app");
  const isApp = Boolean(message.bot_id);
  const classes = ["message", compact && "compact", message.is_ephemeral && "ephemeral"].filter(Boolean).join(" ");
  const time = h("time", { class: "when", datetime: date.toISOString(), title: fullTime(date) }, compact ? shortTime(date) : timeOfDay(date));
  return h("article", { class: classes, id: `${inThread ? "t" : "m"}${ts}`, tabindex: "-1", data: { ts }, "aria-label": `${name}, ${timeOfDay(date)}` },
    message.is_ephemeral ? h("div", { class: "only-you" }, icon("eye"), "Only visible to you") : null,
    h("div", { class: "gutter" }, compact ? time : avatar(world, message.user, { name, isApp })),
    h("div", { class: "message-main" },
      compact ? null : h("div", { class: "byline" }, h("b", { class: "author" }, name), isApp ? h("span", { class: "app-badge" }, "App") : null, time),
      h("div", { class: "message-body" }, body(message, surface, world)),
      (message.attachments ?? []).map((a) => attachment(a, surface, world)),
      (message.files ?? []).map(file),
      reactions(message, world, actions),
      inThread ? null : replies(message, world, actions)));
}

function body(message, surface, world) {
  const edited = message.edited ? h("span", { class: "edited", title: fullTime(tsDate(message.edited.ts)) }, " (edited)") : null;
  if (message.blocks?.length) return [blocks(message.blocks, surface), edited && h("div", {}, edited)];
  if (!message.text) return edited;
  const jumbo = /^\s*(:[a-z0-9_+'-]+:\s*){1,5}$/.test(message.text);
  return h("div", { class: `text${jumbo ? " jumbo" : ""}` }, mrkdwn(message.text, world), edited);
}

const NAMED = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

function attachment(a, surface, world) {
  const colour = NAMED[a.color] ?? (/^#?[0-9a-f]{6}$/i.test(a.color ?? "") ? `#${a.color.replace("#", "")}` : null);
  const title = a.title ? h("div", { class: "attachment-title" }, safeUrl(a.title_link) ? link(a.title_link, unescape(a.title)) : unescape(a.title)) : null;
  const inside = a.blocks?.length
    ? blocks(a.blocks, surface)
    : [
      a.author_name ? h("div", { class: "attachment-author" }, a.author_name) : null,
      title,
      a.text ? h("div", { class: "text" }, mrkdwn(a.text, world)) : null,
      a.fields?.length ? h("div", { class: "fields" }, a.fields.map((f) =>
        h("div", { class: `text${f.short ? "" : " long"}` }, h("b", {}, f.title), h("br"), mrkdwn(f.value, world)))) : null,
      a.image_url ? picture({ image_url: a.image_url, alt_text: a.fallback }, a.title) : null,
      a.footer ? h("div", { class: "attachment-footer" }, a.footer, a.ts ? ` | ${fullTime(tsDate(String(a.ts)))}` : "") : null,
      !a.text && !a.title && !a.fields?.length && a.fallback ? h("div", { class: "text" }, a.fallback) : null,
    ];
  return h("div", {}, a.pretext ? h("div", { class: "text" }, mrkdwn(a.pretext, world)) : null,
    h("div", { class: "attachment", css: colour ? { "--colour": colour } : {} }, h("div", { class: "attachment-body" }, inside)));
}

function file(f) {
  const src = fileUrl(f.id);
  const title = f.title || f.name || "file";
  if (String(f.mimetype ?? "").startsWith("image/")) {
    return h("figure", { class: "block-image file" }, h("figcaption", {}, title), picture({ slack_file: { id: f.id }, alt_text: f.alt_txt || title }, title));
  }
  return h("a", { class: "file-card", href: src, download: f.name ?? "" }, icon("file"),
    h("span", {}, h("b", {}, title), h("small", {}, [f.pretty_type ?? f.mimetype, size(f.size)].filter(Boolean).join(" · "))));
}

function size(bytes) {
  if (!Number.isFinite(bytes)) return "";
  return bytes < 1024 ? `${bytes} B` : bytes < 1_048_576 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}

function reactions(message, world, actions) {
  if (!message.reactions?.length) return null;
  return h("div", { class: "reactions" }, message.reactions.map(({ name, users = [], count }) => {
    const mine = users.includes(world.me.id);
    const who = users.map((id) => world.userName(id)).join(", ");
    return h("button", { type: "button", class: `reaction${mine ? " mine" : ""}`, "aria-pressed": String(mine), title: `${who} reacted with :${name}:`,
      "aria-label": `${name}, ${count}; ${mine ? "remove yours" : "add yours"}`, on: { click: () => actions.react(message, name, mine) } },
    h("span", { class: "emoji", "aria-hidden": "true" }, emoji(name) ?? `:${name}:`), h("span", {}, String(count ?? users.length)));
  }));
}

function replies(message, world, actions) {
  const count = message.reply_count ?? 0;
  if (!count) return null;
  const unix = Number.parseFloat(message.latest_reply);
  const last = unix
    ? h("span", { class: "last-reply" }, "Last reply ", h("time", { data: { unix, pattern: "{ago}" } }, ago(new Date(unix * 1000), world.now())))
    : null;
  return h("button", { type: "button", class: "replies", on: { click: () => actions.thread(message) } },
    (message.reply_users ?? []).slice(0, 4).map((id) => avatar(world, id)),
    h("span", { class: "reply-count" }, `${count} ${count === 1 ? "reply" : "replies"}`), last);
}
