// The JSON endpoints behind this page. A failure comes back as {ok: false, error} written for people; nothing throws.
import { toast } from "./toast.js";

const UNREACHABLE = "The local workspace does not answer. Is it still running?";

async function request(path, init) {
  try {
    const response = await fetch(path, init);
    const body = await response.json().catch(() => null);
    if (body && typeof body === "object") return body;
    return { ok: false, error: `The local workspace answered ${response.status}` };
  } catch {
    return { ok: false, error: UNREACHABLE };
  }
}

export const get = (path, params) => request(`${path}?${new URLSearchParams(params)}`);

export const post = (path, body) =>
  request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** As `post`, and shows the error the way Slack does: a short note that goes away. */
export async function postOrToast(path, body) {
  const answer = await post(path, body);
  if (!answer.ok && answer.error) toast(answer.error);
  return answer;
}
