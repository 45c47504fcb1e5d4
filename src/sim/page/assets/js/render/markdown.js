// The `markdown` block: standard Markdown, the part of it Slack draws.
import { h, fragment, link } from "../dom.js";
import { emoji } from "../emoji.js";
import { emojiNode } from "./mrkdwn.js";

/** Deeper quotes than this are drawn as text. */
const DEEPEST = 6;

export function markdown(text, depth = 0) {
  const rows = String(text ?? "").replaceAll("\r\n", "\n").split("\n");
  const out = h("div", { class: "markdown" });
  let i = 0;
  while (i < rows.length) i = block(rows, i, out, depth);
  return out;
}

/** Reads one block that starts at row `i`; answers the row after it. */
function block(rows, i, out, depth) {
  const row = rows[i];
  if (/^\s*$/.test(row)) return i + 1;
  const fence = /^\s*(```+|~~~+)/.exec(row);
  if (fence) {
    let end = i + 1;
    while (end < rows.length && !rows[end].trimStart().startsWith(fence[1])) end += 1;
    out.append(h("pre", {}, rows.slice(i + 1, end).join("\n")));
    return end + 1;
  }
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(row);
  if (heading) {
    out.append(h(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2])));
    return i + 1;
  }
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(row)) {
    out.append(h("hr"));
    return i + 1;
  }
  if (/^\s*>/.test(row) && depth < DEEPEST) {
    const end = runEnd(rows, i, (r) => /^\s*>/.test(r));
    const quote = h("blockquote", {});
    quote.append(...markdown(rows.slice(i, end).map((r) => r.replace(/^\s*> ?/, "")).join("\n"), depth + 1).childNodes);
    out.append(quote);
    return end;
  }
  if (LIST.test(row)) {
    const [, indent, mark] = LIST.exec(row);
    // A row further in belongs to the item above; one as far out with another kind of mark begins another list.
    const end = runEnd(rows, i, (r) => {
      const [, at, kind] = LIST.exec(r) ?? [null, r, null];
      return kind ? at.length > indent.length || /\d/.test(kind) === /\d/.test(mark) : /^\s{2,}\S/.test(r);
    });
    out.append(list(rows.slice(i, end)));
    return end;
  }
  if (row.includes("|") && /^\s*\|?(\s*:?-+:?\s*\|)+\s*:?-*:?\s*$/.test(rows[i + 1] ?? "")) {
    const end = runEnd(rows, i + 2, (r) => r.includes("|"));
    out.append(table(rows[i], rows[i + 1], rows.slice(i + 2, end)));
    return end;
  }
  const end = runEnd(rows, i + 1, (r) => !/^\s*$/.test(r) && !/^\s*(#{1,6}\s|```|~~~|>)/.test(r) && !LIST.test(r));
  const paragraph = h("p", {});
  rows.slice(i, end).forEach((r, n) => paragraph.append(...(n ? [h("br")] : []), inline(r.trim())));
  out.append(paragraph);
  return end;
}

const LIST = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;

function runEnd(rows, from, belongs) {
  let end = from;
  while (end < rows.length && belongs(rows[end])) end += 1;
  return end;
}

function list(rows) {
  const [, indent, mark] = LIST.exec(rows[0]);
  const ordered = /\d/.test(mark);
  const node = h(ordered ? "ol" : "ul", { class: "list", start: ordered ? Number.parseInt(mark, 10) : null });
  for (let i = 0; i < rows.length; ) {
    const [, , , text] = LIST.exec(rows[i]) ?? [null, "", "", rows[i].trim()];
    const end = runEnd(rows, i + 1, (r) => (LIST.exec(r)?.[1].length ?? 99) > indent.length);
    const task = /^\[([ xX])\]\s+(.*)$/.exec(text);
    const item = h("li", {}, task ? [task[1] === " " ? "☐ " : "☑ ", inline(task[2])] : inline(text));
    const nested = rows.slice(i + 1, end);
    if (nested.length && LIST.test(nested[0])) item.append(list(nested));
    else if (nested.length) item.append(" ", inline(nested.map((r) => r.trim()).join(" ")));
    node.append(item);
    i = end;
  }
  return node;
}

function table(head, rule, body) {
  const cells = (row) => row.trim().replace(/^\||\|$/g, "").split("|").map((c) => c.trim());
  const align = cells(rule).map((c) => (c.endsWith(":") ? (c.startsWith(":") ? "center" : "right") : "left"));
  const line = (row, tag) => h("tr", {}, cells(row).map((c, i) => h(tag, { data: { align: align[i] ?? "left" } }, inline(c))));
  return h("div", { class: "table-scroll" }, h("table", {}, h("thead", {}, line(head, "th")), h("tbody", {}, body.map((r) => line(r, "td")))));
}

/** Lengths are bounded so that no text, however hostile, is slow to draw. */
const INLINE = new RegExp(
  [
    "(?<!`)(?<code>`{1,3})(?!`)(?<codeText>.{1,2000}?)(?<!`)\\k<code>(?!`)",
    "!?\\[(?<label>[^\\[\\]]*)\\]\\((?<url>[^()\\s]+)(?:\\s+\"[^\"]*\")?\\)",
    "(?<strong>\\*\\*|__)(?=\\S)(?<strongText>.{1,500}?)(?<=\\S)\\k<strong>",
    "~~(?=\\S)(?<strike>.{1,500}?)(?<=\\S)~~",
    "\\*(?=[^\\s*])(?<em>.{1,500}?)(?<=[^\\s*])\\*(?!\\*)",
    "(?<![\\w])_(?=\\S)(?<under>.{1,500}?)(?<=\\S)_(?!\\w)",
    ":(?<emoji>[a-z0-9_+'-]{1,64}):",
    "(?<bare>https?://[^\\s<>|]+[^\\s<>|.,;:!?)'\"*_~`])",
    "\\\\(?<escaped>[\\\\`*_{}\\[\\]()#+\\-.!~|>])",
  ].join("|"),
);

function inline(text) {
  const out = fragment();
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    out.append(rest.slice(0, match.index), span(match));
    rest = rest.slice(match.index + match[0].length);
  }
  out.append(rest);
  return out;
}

function span({ 0: whole, groups: g }) {
  if (g.code) return h("code", {}, g.codeText);
  if (g.url) return link(g.url, inline(g.label || g.url));
  if (g.strong) return h("b", {}, inline(g.strongText));
  if (g.strike) return h("s", {}, inline(g.strike));
  if (g.em ?? g.under) return h("i", {}, inline(g.em ?? g.under));
  if (g.bare) return link(g.bare, g.bare);
  if (g.escaped) return document.createTextNode(g.escaped);
  const glyph = emoji(g.emoji);
  return glyph ? emojiNode(g.emoji, glyph) : document.createTextNode(whole);
}
