/**
 * Every number, duration and time that a reader sees is written by this module, so that one value
 * reads the same on every page. No other file may format a date (test/unit/source-rules.test.js).
 */

const counts = new Intl.NumberFormat('en-GB');
const compactCounts = new Intl.NumberFormat('en', {
  notation: 'compact',
  maximumFractionDigits: 1,
});

/** What stands where a value is missing. */
export const NOTHING = '–';

/** `1204118` → `1,204,118`. Takes a number or the decimal string that the API uses for int64. */
export function formatCount(value) {
  if (value === null || value === undefined || value === '') return NOTHING;
  if (typeof value === 'string') {
    return /^-?\d+$/.test(value) ? counts.format(BigInt(value)) : value;
  }
  return Number.isFinite(value) ? counts.format(value) : NOTHING;
}

/** `1204118` → `1.2 M`; below 10,000 the whole number. */
export function formatCompactCount(value) {
  const number = Number(value);
  if (value === null || value === undefined || !Number.isFinite(number)) return NOTHING;
  if (Math.abs(number) < 10_000) return counts.format(number);
  return compactCounts.format(number).replace(/([A-Z])$/, ' $1');
}

/** A count that may be an estimate, and then says so: `about 48,218,000`. */
export function formatEstimate(value, exact = true) {
  const count = formatCount(value);
  return exact || count === NOTHING ? count : `about ${count}`;
}

/** `(1, 'row')` → `1 row`, `(3, 'row')` → `3 rows`. */
export function formatAmount(value, noun, plural = `${noun}s`) {
  return `${formatCount(value)} ${Number(value) === 1 ? noun : plural}`;
}

/** Milliseconds → `412 ms`, `50.3 s`, `6m 52s`, `2h 05m`, `3d 04h`. */
export function formatDuration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return NOTHING;
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d ${pad(hours % 24)}h`;
}

/** A difference with its sign: `+1.2 s`, `−38`, `no change`. `format` writes its size. */
export function formatChange(value, format) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  if (value === 0) return 'no change';
  return `${value > 0 ? '+' : '−'}${format(Math.abs(value))}`;
}

const RELATIVE_LIMIT_MS = 7 * 24 * 3600 * 1000;
const UNITS = [
  ['d', 24 * 3600 * 1000],
  ['h', 3600 * 1000],
  ['m', 60 * 1000],
  ['s', 1000],
];

/**
 * `7m ago`, `in 3h`; `just now` within a second; beyond seven days the absolute date.
 * `now` is in milliseconds since the epoch.
 */
export function formatRelative(value, now, zone) {
  const at = toInstant(value);
  if (at === null) return NOTHING;
  const distance = Math.abs(now - at);
  if (distance > RELATIVE_LIMIT_MS) return formatDay(value, zone);
  const unit = UNITS.find(([, size]) => distance >= size);
  if (!unit) return 'just now';
  const text = `${Math.floor(distance / unit[1])}${unit[0]}`;
  return at <= now ? `${text} ago` : `in ${text}`;
}

/** `23 Nov 2026, 05:08:07 UTC`: the full form, with the zone it is told in. */
export function formatAbsolute(value, zone) {
  const at = toInstant(value);
  if (at === null) return NOTHING;
  const p = partsOf(at, zone);
  return `${p.day} ${p.month} ${p.year}, ${p.hour}:${p.minute}:${p.second} ${p.timeZoneName}`;
}

/** `05:08:07.412 UTC`, for log lines, where the day stands elsewhere. */
export function formatClock(value, zone) {
  const at = toInstant(value);
  if (at === null) return NOTHING;
  const p = partsOf(at, zone);
  return `${p.hour}:${p.minute}:${p.second}.${String(at % 1000).padStart(3, '0')}`;
}

/** `23 Nov 2026` */
export function formatDay(value, zone) {
  const at = toInstant(value);
  if (at === null) return NOTHING;
  const p = partsOf(at, zone);
  return `${p.day} ${p.month} ${p.year}`;
}

/** `Sun 8 Mar 2026, 03:00` of `2026-03-08T03:00:00-04:00`: the clock on the wall, whatever its zone. */
export function formatLocalTime(text) {
  const at = toInstant(`${String(text).slice(0, 19)}Z`);
  if (at === null) return NOTHING;
  const p = partsOf(at, 'UTC');
  return `${WEEKDAYS[new Date(at).getUTCDay()]} ${p.day} ${p.month} ${p.year}, ${p.hour}:${p.minute}`;
}

/**
 * Milliseconds since the epoch of `2026-03-08T03:00` on the wall clock of a zone, or null. A time that
 * a change of the clock leaves out is read as the same time behind it.
 */
export function instantOf(text, zone) {
  const wall = WALL.test(text ?? '') ? toInstant(`${text.slice(0, 16)}:00Z`) : null;
  if (wall === null) return null;
  try {
    const guess = wall - offsetAt(wall, zone);
    return wall - offsetAt(guess, zone);
  } catch {
    // A zone that this browser does not know.
    return null;
  }
}

/** How far the clock of a zone is ahead of UTC at an instant, in milliseconds. */
function offsetAt(at, zone) {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  }).formatToParts(at);
  const p = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  const minute = 60_000;
  const wall = Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute);
  return wall - Math.floor(at / minute) * minute;
}

/** The short name of a zone at an instant: `UTC`, `CET`, `GMT+5:45`. */
export function zoneName(zone, at = Date.now()) {
  return partsOf(at, zone).timeZoneName;
}

/** Milliseconds since the epoch of an RFC 3339 text, or null. */
export function toInstant(value) {
  if (!value) return null;
  const at = typeof value === 'number' ? value : Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

/** The zone the browser is set to, as an IANA name. */
export function browserZone() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

const WALL = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const formatters = new Map();

function partsOf(at, zone = 'UTC') {
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'short',
    });
    formatters.set(zone, formatter);
  }
  const parts = Object.fromEntries(formatter.formatToParts(at).map((p) => [p.type, p.value]));
  // British month names have one of four letters; three keep columns even.
  return { ...parts, month: parts.month.slice(0, 3) };
}

function pad(number) {
  return String(number).padStart(2, '0');
}
