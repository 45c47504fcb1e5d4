// Slack's mrkdwn: text with <tokens>, *bold*, _italic_, ~strike~, `code`, ``` fences, > quotes and :emoji:. Returns DOM nodes.
import { h, fragment, link } from "../dom.js";
import { emoji } from "../emoji.js";
import { formatDate } from "./date.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
export const unescape = (text) => text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);

export function mrkdwn(text, world) {
  const out = fragment();
  const parts = String(text ?? "").split("```");
  for (const [i, part] of parts.entries()) {
    // An odd part sits between two fences; a last odd one has no closing fence and is text after all.
    if (i % 2 === 1 && i < parts.length - 1) out.append(h("pre", {}, tokensOnly(part.replace(/^\n|\n$/g, ""), world)));
    else if (i % 2 === 1) lines("```" + part, out, world);
    else lines(i > 0 ? part.replace(/^\n/, "") : part, out, world);
  }
  return out;
}

/** plain_text: emoji shortcodes are the only markup. */
export function plain(text, withEmoji = true) {
  const out = fragment();
  const whole = String(text ?? "");
  let from = 0;
  if (withEmoji) {
    for (const match of whole.matchAll(/:([a-z0-9_+'-]+):/g)) {
      const glyph = emoji(match[1]);
      if (!glyph) continue;
      out.append(unescape(whole.slice(from, match.index)), emojiNode(match[1], glyph));
      from = match.index + match[0].length;
    }
  }
  out.append(unescape(whole.slice(from)));
  return out;
}

export const emojiNode = (name, glyph) =>
  h("span", { class: "emoji", role: "img", "aria-label": `${name} emoji`, title: `:${name}:` }, glyph);

/** Quotes do not nest in Slack, so inside one (`quoted`) the marks are text. */
function lines(text, out, world, quoted = false) {
  let quote = null;
  let first = true;
  const rows = text.split("\n");
  for (let i = 0; i < rows.length; i += 1) {
    const deep = !quoted && /^(?:>>>|&gt;&gt;&gt;) ?/.exec(rows[i]);
    if (deep) {
      const rest = [rows[i].slice(deep[0].length), ...rows.slice(i + 1)].join("\n");
      const block = h("blockquote", {});
      lines(rest, block, world, true);
      out.append(block);
      return;
    }
    const mark = !quoted && /^(?:>|&gt;) ?/.exec(rows[i]);
    if (mark) {
      if (quote) quote.append(h("br"));
      else {
        quote = h("blockquote", {});
        out.append(quote);
      }
      inline(rows[i].slice(mark[0].length), quote, world);
      first = true;
      continue;
    }
    quote = null;
    const bullet = /^(\s*)([•◦▪]|\d{1,2}\.)\s+/.exec(rows[i]);
    if (bullet) {
      const depth = Math.min(4, Math.floor(bullet[1].length / 2));
      const row = h("span", { class: "bullet", css: { "--depth": depth } }, h("span", { class: "bullet-mark" }, bullet[2], " "));
      const body = h("span", {});
      inline(rows[i].slice(bullet[0].length), body, world);
      row.append(body);
      out.append(row);
      first = true;
      continue;
    }
    if (!first) out.append(h("br"));
    first = false;
    inline(rows[i], out, world);
  }
}

const MARKS = { "*": "b", _: "i", "~": "s" };
const isWord = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

/** One line of text into `out`. */
function inline(text, out, world) {
  let buffer = "";
  let at = 0;
  const dead = new Set();
  const flush = () => {
    if (buffer) out.append(unescape(buffer));
    buffer = "";
  };
  const put = (node, length) => {
    flush();
    out.append(node);
    at += length;
  };
  while (at < text.length) {
    const c = text[at];
    if (c === "<" && !dead.has(c)) {
      const end = text.indexOf(">", at);
      const node = end > at + 1 ? token(text.slice(at + 1, end), world) : null;
      if (node) {
        put(node, end - at + 1);
        continue;
      }
      if (end < 0) dead.add(c);
    } else if (c === "`" && !dead.has(c)) {
      const end = text.indexOf("`", at + 1);
      if (end > at + 1) {
        put(h("code", {}, tokensOnly(text.slice(at + 1, end), world)), end - at + 1);
        continue;
      }
      dead.add(c);
    } else if (MARKS[c] && !dead.has(c) && opens(text, at)) {
      const end = closing(text, at, c);
      if (end > 0) {
        const node = h(MARKS[c], {});
        inline(text.slice(at + 1, end), node, world);
        put(node, end - at + 1);
        continue;
      }
      dead.add(c);
    } else if (c === ":") {
      const match = /^:([a-z0-9_+'-]+(?:::skin-tone-\d)?):/.exec(text.slice(at, at + 64));
      const glyph = match && emoji(match[1]);
      if (glyph) {
        put(emojiNode(match[1], glyph), match[0].length);
        continue;
      }
    } else if (c === "h" && !isWord(text[at - 1])) {
      const match = /^https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)'"*_~`]/.exec(text.slice(at, at + 2048));
      if (match) {
        put(link(unescape(match[0]), unescape(match[0])), match[0].length);
        continue;
      }
    }
    buffer += c;
    at += 1;
  }
  flush();
}

const opens = (text, at) => {
  const next = text[at + 1];
  return !isWord(text[at - 1]) && next !== undefined && !/\s/.test(next) && next !== text[at];
};

/** Where the mark opened at `from` closes: outside tokens and code, after a non-space, before a non-word. 0 when nowhere. */
function closing(text, from, mark) {
  const lastEnd = { "<": text.lastIndexOf(">"), "`": text.lastIndexOf("`") };
  for (let i = from + 1; i < text.length; i += 1) {
    if (i < lastEnd[text[i]]) i = text.indexOf(text[i] === "<" ? ">" : "`", i + 1);
    else if (text[i] === mark && i > from + 1 && !/\s/.test(text[i - 1]) && !isWord(text[i + 1])) return i;
  }
  return 0;
}

/** Inside code, Slack still resolves links and mentions but nothing else. */
function tokensOnly(text, world) {
  const out = fragment();
  for (const part of text.split(/(<[^<>\n]+>)/)) {
    const node = part.startsWith("<") && part.length > 2 ? token(part.slice(1, -1), world) : null;
    out.append(node ?? unescape(part));
  }
  return out;
}

/** What stands between < and >; null when it is not a token. */
function token(body, world) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? null : unescape(body.slice(bar + 1));
  if (target[0] === "@") return userMention(target.slice(1), world, label);
  if (target[0] === "#") return channelMention(target.slice(1), world, label);
  if (target[0] === "!") return special(target.slice(1), label, world);
  if (!/^(https?:|mailto:|tel:)/.test(target)) return null;
  const url = unescape(target);
  return link(url, label ? plain(label) : url.replace(/^(mailto|tel):/, ""));
}

function special(target, label, world) {
  if (/^(here|channel|everyone)$/.test(target)) return broadcast(target);
  if (target.startsWith("subteam^")) return h("span", { class: "mention" }, label ?? world.groupName(target.slice(8)));
  if (target.startsWith("date^")) {
    const [, unix, pattern = "", url] = target.split("^");
    return dateNode(Number(unix), unescape(pattern), unescape(url ?? ""), label ?? "", world);
  }
  return label ? h("span", {}, label) : h("span", {}, `<${target}>`);
}

export const broadcast = (range) => h("span", { class: "mention mention-me" }, `@${range}`);

export function userMention(id, world, label) {
  const mine = id === world.me.id ? " mention-me" : "";
  return h("span", { class: `mention${mine}`, data: { user: id } }, `@${world.userName(id, label)}`);
}

export function channelMention(id, world, label) {
  const name = `#${world.channelName(id, label)}`;
  if (!world.channels.has(id)) return h("span", { class: "mention" }, name);
  return h("a", { class: "mention", href: `?user=${world.me.id}&channel=${id}`, data: { channel: id } }, name);
}

/** A moment; `{ago}` stays true because app.js refreshes every <time data-pattern>. */
export function dateNode(unix, pattern, url, fallback, world) {
  const text = Number.isFinite(unix) ? formatDate(unix, pattern, world.now()) : null;
  if (text === null) return h("span", {}, fallback);
  const time = h("time", { datetime: new Date(unix * 1000).toISOString(), title: fallback, data: { unix, pattern } }, text);
  return url ? link(url, time) : time;
}
