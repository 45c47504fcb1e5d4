// Square pictures: the app's icon, or initials on a colour that belongs to the person.
import { h } from "./dom.js";

const COLOURS = ["#2b6cb0", "#7a4fb5", "#b7472a", "#1f7a5c", "#a1457b", "#8a6116", "#3f6c8f", "#5b7a1f"];

export function avatar(world, id, { name, isApp } = {}) {
  const user = world.user(id);
  if (isApp ?? (user?.is_bot || id === world.app?.bot_user_id)) {
    return h("img", { class: "avatar", src: "/assets/icon.svg", alt: "", width: 36, height: 36 });
  }
  const label = user?.real_name ?? name ?? world.userName(id);
  const initials = label.split(/\s+/).slice(0, 2).map((w) => [...w][0] ?? "").join("").toUpperCase();
  return h("span", { class: "avatar", "aria-hidden": "true", css: { "--colour": colour(id ?? label) } }, initials);
}

function colour(seed) {
  let sum = 7;
  for (const c of seed) sum = (sum * 31 + c.codePointAt(0)) % 9973;
  return COLOURS[sum % COLOURS.length];
}
