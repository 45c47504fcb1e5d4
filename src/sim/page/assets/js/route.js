// The address says who is looking at what, so that two tabs can be two people and the browser's back button works.

/** {user, channel, tab, thread}; each may be null. */
export function route() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(["user", "channel", "tab", "thread"].map((key) => [key, query.get(key)]));
}

export function href(place) {
  const query = new URLSearchParams(Object.entries(place).filter(([, value]) => value));
  return `${location.pathname}?${query}`;
}

/** Goes somewhere and tells everyone who watches; `replace` leaves no step for the back button. */
export function go(place, { replace = false } = {}) {
  const next = { user: route().user, ...place };
  if (href(next) === `${location.pathname}${location.search}`) return;
  history[replace ? "replaceState" : "pushState"](null, "", href(next));
  dispatchEvent(new PopStateEvent("popstate"));
}

export const watchRoute = (run) => addEventListener("popstate", () => run(route()));
