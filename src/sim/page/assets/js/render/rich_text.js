// rich_text blocks: what Slack's own composer makes and what apps send when they want exact formatting.
import { h, link } from "../dom.js";
import { emoji } from "../emoji.js";
import { broadcast, channelMention, dateNode, emojiNode, userMention } from "./mrkdwn.js";

export const richText = (block, world) => h("div", { class: "rich-text" }, (block.elements ?? []).map((part) => section(part, world)));

function section(part, world) {
  const inner = () => (part.elements ?? []).map((element) => leaf(element, world));
  switch (part.type) {
    case "rich_text_section":
      return h("div", { class: "text" }, inner());
    case "rich_text_preformatted":
      return h("pre", {}, inner());
    case "rich_text_quote":
      return h("blockquote", {}, inner());
    case "rich_text_list": {
      const tag = part.style === "ordered" ? "ol" : "ul";
      const start = tag === "ol" && part.offset ? part.offset + 1 : null;
      const items = (part.elements ?? []).map((item) => h("li", {}, (item.elements ?? []).map((e) => leaf(e, world))));
      return h(tag, { class: "list", start, data: { indent: part.indent ?? 0 }, css: { "--depth": part.indent ?? 0 } }, items);
    }
    default:
      return null;
  }
}

function leaf(element, world) {
  return styled(bare(element, world), element.style);
}

function bare(element, world) {
  switch (element.type) {
    case "text":
      return withBreaks(element.text ?? "");
    case "link":
      return link(element.url, element.text || element.url);
    case "emoji": {
      const glyph = emoji(element.name ?? "");
      return glyph ? emojiNode(element.name, glyph) : document.createTextNode(`:${element.name}:`);
    }
    case "user":
      return userMention(element.user_id, world);
    case "usergroup":
      return h("span", { class: "mention" }, world.groupName(element.usergroup_id));
    case "channel":
      return channelMention(element.channel_id, world);
    case "broadcast":
      return broadcast(element.range);
    case "date":
      return dateNode(element.timestamp, element.format ?? "{date}", element.url ?? "", element.fallback ?? "", world);
    case "color":
      return h("code", {}, element.value);
    default:
      return document.createTextNode(element.text ?? "");
  }
}

/** Line breaks survive through white-space: pre-wrap, so a text node is enough. */
const withBreaks = (text) => document.createTextNode(text);

function styled(node, style) {
  if (!style) return node;
  let out = node;
  for (const [name, tag] of [["code", "code"], ["strike", "s"], ["italic", "i"], ["bold", "b"], ["underline", "u"]]) {
    if (style[name]) out = h(tag, {}, out);
  }
  return out;
}
