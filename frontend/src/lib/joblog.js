import { toInstant } from './format.js';

/** A line as it stands in a file: its time in full and in UTC, its level, what was said. */
export function lineText({ at, level, message }) {
  const time = toInstant(at) === null ? String(at ?? '') : new Date(at).toISOString();
  return `${time} ${String(level ?? '').padEnd(7)} ${message}`;
}

/**
 * Lines as one text, for the clipboard or a file. Where a further attempt begins is said; `before` is
 * the attempt of the line that came before these.
 */
export function linesText(lines, before = 1) {
  let attempt = before;
  let text = '';
  for (const line of lines) {
    if (line.attempt > 1 && line.attempt !== attempt) text += `--- attempt ${line.attempt} ---\n`;
    attempt = line.attempt;
    text += `${lineText(line)}\n`;
  }
  return text;
}

/** Whether a line says `needle`, in any case, in its message or as its level. */
export function lineMatches(line, needle) {
  const wanted = needle.toLowerCase();
  return line.message.toLowerCase().includes(wanted) || (line.level ?? '').toLowerCase() === wanted;
}

/** A text in pieces, every second of which is a match: `('a no b', 'no')` → `['a ', 'no', ' b']`. */
export function splitMatches(text, needle) {
  if (!needle) return [text];
  const wanted = needle.toLowerCase();
  const searched = text.toLowerCase();
  // In a few languages a text changes its length with its case; then nothing can be pointed at.
  if (searched.length !== text.length) return [text];
  const pieces = [];
  let from = 0;
  for (let at = searched.indexOf(wanted); at !== -1; at = searched.indexOf(wanted, from)) {
    pieces.push(text.slice(from, at), text.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  return [...pieces, text.slice(from)];
}
