// Times as people read them: message times, day dividers and Slack's <!date^..> tokens, in the reader's own time zone.

const DAY = 86_400_000;
const format = (options) => {
  const formatter = new Intl.DateTimeFormat(undefined, options);
  return (date) => formatter.format(date);
};

const clock = format({ hour: "numeric", minute: "2-digit" });
const clockSeconds = format({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const short = format({ year: "numeric", month: "short", day: "numeric" });
const medium = format({ year: "numeric", month: "long", day: "numeric" });
const long = format({ year: "numeric", month: "long", day: "numeric", weekday: "long" });
const numeric = format({ year: "numeric", month: "2-digit", day: "2-digit" });
const divider = format({ month: "long", day: "numeric", weekday: "long" });
const full = format({ year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit" });

/** A message ts ("1700000000.000100", seconds) as a Date. */
export const tsDate = (ts) => new Date(Number.parseFloat(ts) * 1000);

export const timeOfDay = clock;
/** Without AM or PM, for the narrow place beside a message. */
export const shortTime = (date) => clock(date).replace(/\s*[AP]M$/i, "");
export const fullTime = full;

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** "Today", "Yesterday", "Tomorrow" or what `otherwise` makes of the day. */
function pretty(date, now, otherwise) {
  const days = Math.round((midnight(date) - midnight(now)) / DAY);
  return { "-1": "Yesterday", 0: "Today", 1: "Tomorrow" }[days] ?? otherwise(date);
}

export const dayDivider = (date, now) => pretty(date, now, divider);
export const sameDay = (a, b) => midnight(a) === midnight(b);

/** "2 minutes ago", "in 3 hours". */
export function ago(date, now) {
  const seconds = Math.round((date - now) / 1000);
  const size = Math.abs(seconds);
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (size < 60) return relative.format(seconds, "second");
  if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

const lower = (text) => text.charAt(0).toLowerCase() + text.slice(1);

const TOKENS = {
  date_num: (d) => numeric(d),
  date_slash: (d) => numeric(d),
  date: (d) => medium(d),
  date_short: (d) => short(d),
  date_long: (d) => long(d),
  date_pretty: (d, now) => pretty(d, now, medium),
  date_short_pretty: (d, now) => pretty(d, now, short),
  date_long_pretty: (d, now) => pretty(d, now, long),
  day_divider_pretty: (d, now) => pretty(d, now, divider),
  time: (d) => clock(d),
  time_secs: (d) => clockSeconds(d),
  ago: (d, now) => ago(d, now),
};

/** Fills Slack's date format, e.g. "{date_short_pretty} at {time}"; null when a token is unknown (Slack shows the fallback then). */
export function formatDate(unix, pattern, now) {
  const date = new Date(unix * 1000);
  if (Number.isNaN(date.getTime())) return null;
  let known = true;
  const text = pattern.replace(/\{(\w+)\}/g, (whole, token, at) => {
    const make = TOKENS[token];
    if (!make) {
      known = false;
      return whole;
    }
    const made = make(date, now);
    return at > 0 && /pretty$/.test(token) ? lower(made) : made;
  });
  return known ? text : null;
}
