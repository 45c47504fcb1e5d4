// What the composer offers while one types: commands and what follows them, people, channels and emoji.
import { EMOJI } from "./emoji.js";

const SHOWN = 14;

/** {items: [{label, description?, insert, glyph?}], from, to} for the caret at `at`, or null. `insert` replaces from..to. */
export function completions(world, text, at) {
  return slash(world, text, at) ?? word(world, text, at);
}

function slash(world, text, at) {
  if (!text.startsWith("/") || text.includes("\n") || at < text.length) return null;
  const space = text.indexOf(" ");
  if (space < 0) {
    const items = world.commands.filter((c) => c.command.startsWith(text.toLowerCase()))
      .map((c) => ({ label: c.command, hint: c.usage_hint, description: c.description, insert: `${c.command} ` }));
    return found(items, 0, at);
  }
  const command = world.commands.find((c) => c.command === text.slice(0, space).toLowerCase());
  const typed = text.slice(space + 1);
  const items = (command?.completions ?? [])
    .map((c) => c.split(" — "))
    .map(([usage, description]) => [usage.trim(), description])
    .filter(([usage]) => usage.toLowerCase().startsWith(typed.toLowerCase()) || matchesUsage(usage, typed))
    .map(([usage, description]) => ({ label: `${command.command} ${fixed(usage).trim()}`, hint: usage.slice(fixed(usage).length), description,
      insert: `${command.command} ${keep(usage, typed)}` }))
    .filter((c) => c.insert.trim() !== text.trim() || c.hint);
  return found(items, 0, at);
}

/** "silence <n> <duration>" begins with the fixed words "silence ". */
const fixed = (completion) => /^[^<[]*/.exec(completion)[0];
const keep = (completion, typed) => {
  const words = fixed(completion);
  return typed.toLowerCase().startsWith(words.toLowerCase()) && words !== completion ? typed : words;
};
/** Once the fixed words are typed the usage stays in sight while its arguments are filled in. */
const matchesUsage = (completion, typed) =>
  fixed(completion) !== completion && typed.toLowerCase().startsWith(fixed(completion).toLowerCase());

function word(world, text, at) {
  const match = /(^|[\s(])([@#:])([\w.+-]*)$/.exec(text.slice(0, at));
  if (!match) return null;
  const [, , sigil, part] = match;
  const from = at - part.length - 1;
  const wanted = part.toLowerCase();
  if (sigil === "@") {
    const people = [...world.users.values()].filter((u) => [u.name, u.real_name, u.profile?.display_name]
      .some((n) => n?.toLowerCase().split(/\s+/).some((w) => w.startsWith(wanted)) || n?.toLowerCase().startsWith(wanted)));
    return found(people.map((u) => ({ label: world.userName(u.id), description: u.real_name, insert: `@${u.name} ` })), from, at);
  }
  if (sigil === "#") {
    const channels = [...world.channels.values()].filter((c) => !c.is_im && c.name.startsWith(wanted));
    return found(channels.map((c) => ({ label: `#${c.name}`, insert: `#${c.name} ` })), from, at);
  }
  if (part.length < 2) return null;
  const names = [...EMOJI.keys()].filter((n) => n.includes(wanted)).sort((a, b) => b.startsWith(wanted) - a.startsWith(wanted));
  return found(names.map((n) => ({ label: `:${n}:`, glyph: EMOJI.get(n), insert: `:${n}: ` })), from, at);
}

const found = (items, from, to) => (items.length ? { items: items.slice(0, SHOWN), from, to } : null);
