// The WebSocket that pushes what happens. Reconnects by itself; `resync` runs whenever something may have been missed.
// The answer is a promise of the first connection, fulfilled also when it fails: the page then shows what it can.

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 5000;

export function live(user, { push, resync, status }) {
  let wait = FIRST_WAIT_MS;
  let missed = false;
  let first;
  const tried = new Promise((resolve) => (first = resolve));

  const connect = () => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/sim/live?user=${encodeURIComponent(user)}`);
    socket.addEventListener("open", () => {
      wait = FIRST_WAIT_MS;
      status(true);
      if (missed) resync();
      missed = false;
      first();
    });
    socket.addEventListener("message", ({ data }) => {
      const event = JSON.parse(data);
      if (event.type === "lagged") resync();
      else push(event);
    });
    socket.addEventListener("close", () => {
      status(false);
      missed = true;
      first();
      setTimeout(connect, wait);
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    });
  };
  connect();
  return tried;
}
