// A text object: plain_text or mrkdwn.
import { mrkdwn, plain } from "./mrkdwn.js";

export function text(object, world, otherwise = "") {
  if (!object) return plain(otherwise);
  if (typeof object === "string") return plain(object);
  return object.type === "mrkdwn" ? mrkdwn(object.text, world) : plain(object.text, object.emoji !== false);
}

/** Without any markup, for labels and search. */
export const bare = (object) => plain(object?.text ?? object ?? "").textContent;
