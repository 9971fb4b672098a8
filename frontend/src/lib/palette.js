/** What the command palette offers, as data: `{group, label, hint, words, ...}`. */

/** Of a group, without a word typed and with one. */
const SHOWN_AT_REST = 8;
const SHOWN = 20;

const RUN_ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The id of a run in what was typed or pasted, or null. */
export function runIdOf(text) {
  const trimmed = text.trim();
  return RUN_ID.test(trimmed) ? trimmed.toLowerCase() : null;
}

/** How well a command fits the words typed: 0 for not at all. */
function fit({ label, words = '' }, wanted) {
  const name = label.toLowerCase();
  const all = `${name} ${words.toLowerCase()}`;
  if (!wanted.every((word) => all.includes(word))) return 0;
  if (name.startsWith(wanted[0])) return 3;
  return name.includes(` ${wanted[0]}`) ? 2 : 1;
}

/**
 * The commands that fit, in groups as `[{group, items, left}]`; `left` says how many more there are.
 * Groups keep their order, within one what fits best comes first.
 */
export function findCommands(commands, text) {
  const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const most = wanted.length > 0 ? SHOWN : SHOWN_AT_REST;
  const groups = new Map();
  for (const command of commands) {
    const rank = wanted.length > 0 ? fit(command, wanted) : command.quiet ? 0 : 1;
    if (rank > 0) {
      if (!groups.has(command.group)) groups.set(command.group, []);
      groups.get(command.group).push({ command, rank });
    }
  }
  return Array.from(groups, ([group, found]) => ({
    group,
    items: found
      .toSorted((a, b) => b.rank - a.rank)
      .slice(0, most)
      .map(({ command }) => command),
    left: Math.max(0, found.length - most),
  }));
}

/** The place `step` further among `count`, round the ends. */
export const stepped = (at, step, count) => (count === 0 ? 0 : (at + step + count) % count);
