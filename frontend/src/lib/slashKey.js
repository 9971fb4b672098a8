import { readStored, writeStored } from './stored.js';

/** Whether the key “/” opens the palette; who dictates to the computer may not want that. */
const KEY = 'slash-key';

export const slashOpens = () => readStored(KEY) !== 'off';

export const setSlashOpens = (opens) => writeStored(KEY, opens ? 'on' : 'off');

const FIELDS = 'input, textarea, select, [contenteditable], [role=textbox]';

/** Whether a key that was pressed asks for the palette. Not over a dialog, not while typing. */
export function asksForPalette(event) {
  if (event.defaultPrevented || event.repeat || event.altKey) return false;
  if (document.querySelector('[role=dialog]')) return false;
  const held = event.ctrlKey || event.metaKey;
  if (held) return !event.shiftKey && event.key.toLowerCase() === 'k';
  return event.key === '/' && slashOpens() && !event.target.closest?.(FIELDS);
}
