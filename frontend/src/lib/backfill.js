import { instantOf } from './format.js';

/**
 * The window of a backfill as the host takes it, of what is typed on the wall clock of a zone; null
 * while it is none.
 */
export function backfillWindow({ from, to }, zone) {
  const ends = [instantOf(from, zone), instantOf(to, zone)];
  if (ends.includes(null) || ends[0] >= ends[1]) return null;
  const [first, last] = ends.map((at) => new Date(at).toISOString());
  return { from: first, to: last };
}

/**
 * The fire times that lie in a window: `{count, first, last, more}`; `more` where all of them do, so
 * that there may be others.
 */
export function timesWithin(times, { to }) {
  const inside = times.filter(({ at }) => Date.parse(at) < Date.parse(to));
  return {
    count: inside.length,
    first: inside[0] ?? null,
    last: inside.at(-1) ?? null,
    more: inside.length > 0 && inside.length === times.length,
  };
}

/** The names of the window's fields: no parameter is called so, whatever the schema says. */
export const WINDOW = { from: '/from', to: '/to' };

/** What the host says of the window's ends, by field. */
export function windowErrors(error) {
  const found = {};
  for (const { pointer, detail } of error?.errors ?? []) {
    if (pointer === WINDOW.from || pointer === WINDOW.to) found[pointer] ??= detail;
  }
  return found;
}

/** How far a backfill is, between 0 and 1: runs that ended, of all it makes. */
export function progressOf({ runs, runs_succeeded: succeeded, runs_failed: failed }) {
  return runs > 0 ? Math.min(1, (succeeded + failed) / runs) : 0;
}
