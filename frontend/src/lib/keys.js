import { readStored, writeStored } from './stored.js';

/**
 * Every key that the page itself listens to, in the order of the sheet. Who binds a key asks
 * `presses` with its entry here, so that the sheet names no key that does nothing and leaves out none
 * that does something. `press` has `KeyboardEvent.key`, "Mod+" before it for Ctrl, or ⌘ on a Mac.
 * `bare`: a single character, which may be turned off and is left alone where one types.
 */
export const KEYS = {
  palette: { press: ['Mod+k'], does: 'Search and commands' },
  slash: { press: ['/'], bare: true, does: 'Search and commands' },
  sheet: { press: ['?'], bare: true, does: 'These keys' },
  move: { press: ['ArrowUp', 'ArrowDown'], does: 'The one before, the next' },
  choose: { press: ['Enter'], does: 'Go there, or do it' },
  walk: {
    press: ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'],
    does: 'Walk along what jobs need, and between those beside each other',
  },
  closeJob: { press: ['Escape'], does: 'Close the opened job' },
  cell: {
    press: ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'],
    does: 'The next cell; up from the first row to the columns’ names',
  },
  screenful: { press: ['PageUp', 'PageDown'], does: 'Ten rows up or down' },
  rowEnds: { press: ['Home', 'End'], does: 'First and last column' },
  tableEnds: { press: ['Mod+Home', 'Mod+End'], does: 'First and last cell' },
};

/** Keys of the browser and of every control, which nobody here binds. */
const OPENS_JOB = { press: ['Enter'], does: 'Open the job' };
const CLOSES = { press: ['Escape'], does: 'Close what is open over the page' };
const SKIPS = { press: ['Tab'], does: 'On a page just opened: skip to what is in it' };
const SORTS = { press: ['Enter'], does: 'On a column’s name: sort by it' };

/** The sheet: `{title, on, keys}`; `on` fits the paths of the pages where the keys work. */
export const SHEET = [
  {
    title: 'Everywhere',
    on: /^/,
    keys: [KEYS.palette, KEYS.slash, KEYS.sheet, CLOSES, SKIPS],
  },
  {
    title: 'Graph of a pipeline',
    on: /^\/pipelines\/./,
    keys: [KEYS.walk, OPENS_JOB, KEYS.closeJob],
  },
  {
    title: 'Rows of a dataset',
    on: /^\/datasets\/./,
    keys: [KEYS.cell, KEYS.screenful, KEYS.rowEnds, KEYS.tableEnds, SORTS],
  },
  { title: 'Search and commands', on: null, keys: [KEYS.move, KEYS.choose] },
];

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

const NAMES = {
  Mod: isMac ? '⌘' : 'Ctrl',
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  PageUp: 'Page up',
  PageDown: 'Page down',
  Escape: 'Esc',
};

/** How a key of the table is written, as `["Ctrl", "K"]`. */
export function keyNames(press) {
  return press.split(/(?<=.)\+/).map((part) => NAMES[part] ?? part.replace(/^[a-z]$/, upper));
}

const upper = (letter) => letter.toUpperCase();

/** Whether a key that was pressed is one of an entry of the table; with Alt it is the browser's. */
export function presses({ press }, event) {
  if (event.altKey) return false;
  const held = Boolean(event.ctrlKey || event.metaKey);
  return press.some((one) => {
    const mod = one.startsWith('Mod+');
    const key = mod ? one.slice(4) : one;
    const same = key.length === 1 ? event.key.toLowerCase() === key : event.key === key;
    return same && held === mod;
  });
}

/** Whether “/” and “?” do something; who dictates to the computer may not want that. */
const STORED = 'slash-key';

export const bareKeysAct = () => readStored(STORED) !== 'off';

export const setBareKeysAct = (act) => writeStored(STORED, act ? 'on' : 'off');

const FIELDS = 'input, textarea, select, [contenteditable], [role=textbox]';

/**
 * What a key asks for that works on every page: "palette", "sheet" or null. Nothing over a dialog, and
 * no bare character while one types.
 */
export function askedFor(event) {
  if (event.defaultPrevented || event.repeat || event.isComposing) return null;
  if (document.querySelector('[role=dialog]')) return null;
  if (presses(KEYS.palette, event)) return event.shiftKey ? null : 'palette';
  if (!bareKeysAct() || event.target.closest?.(FIELDS)) return null;
  if (presses(KEYS.slash, event)) return 'palette';
  return presses(KEYS.sheet, event) ? 'sheet' : null;
}
