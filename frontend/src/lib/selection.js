/**
 * Which rows of a dataset are shown, in which order: `{order, from, to}` as the API and the address
 * name them. `order` is a column, with a minus before it from the largest down; the bounds are of
 * that column. Whether they are right is the host's word.
 */

/** Of the address: bounds are nothing without the column that they bound. */
export function selectionOf({ order, from, to }) {
  return order ? { order, from, to } : {};
}

/** `{column, descending}` of an order, or null for the table's own. */
export function orderOf({ order }) {
  if (!order) return null;
  const descending = order.startsWith('-');
  return { column: descending ? order.slice(1) : order, descending };
}

export function hasBounds({ from, to }) {
  return from !== undefined || to !== undefined;
}

/** What pressing a column's head leads to: ascending, descending, then the table's own order. */
export function nextSelection(selection, name) {
  const order = orderOf(selection);
  if (order?.column !== name) return { order: name };
  return order.descending ? {} : { ...selection, order: `-${name}` };
}

/** aria-sort of a column. */
export function sortOf(selection, name) {
  const order = orderOf(selection);
  if (order?.column !== name) return 'none';
  return order.descending ? 'descending' : 'ascending';
}

/** These have no order in PostgreSQL. */
const UNORDERED = /^(json|xml|point|line|polygon)(\[\])*$/;

export function maySort(type) {
  return !UNORDERED.test(type ?? '');
}

const NO_CHANGE = (text) => text;
const MOMENT = /^\d{4,}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$/;

/**
 * How a bound is typed, by the column's type: the input's attributes, which texts it can show, and
 * what stands in it for a bound (`shown`) and the other way (`sent`).
 */
const INPUTS = [
  {
    types: /^date$/,
    attributes: { type: 'date' },
    fits: /^\d{4,}-\d\d-\d\d$/,
  },
  {
    types: /^timestamp.* with time zone$/,
    attributes: { type: 'datetime-local', step: 1 },
    zone: 'UTC',
    fits: MOMENT,
    shown: (text) => text.replace(/Z$/, ''),
    sent: (text) => (MOMENT.test(text) ? `${text}Z` : text),
  },
  {
    types: /^timestamp/,
    attributes: { type: 'datetime-local', step: 1 },
    fits: MOMENT,
  },
  {
    types: /^(smallint|integer|bigint|real|double precision|numeric)/,
    attributes: { type: 'text', inputMode: 'decimal' },
  },
  { types: /^/, attributes: { type: 'text' } },
];

/**
 * The input of a bound: `{attributes, zone, shown, sent}`. A text that a date's input would hide is
 * shown as text, so that it can be mended.
 */
export function boundInput(type, draft = '') {
  const { attributes, zone, fits, shown, sent } = INPUTS.find(({ types }) =>
    types.test(type ?? ''),
  );
  return {
    attributes: draft === '' || !fits || fits.test(draft) ? attributes : { type: 'text' },
    zone,
    shown: shown ?? NO_CHANGE,
    sent: sent ?? NO_CHANGE,
  };
}

/**
 * The host's complaint by bound, `{from, to}`: it quotes the value that does not fit. Empty when it
 * is about something else.
 */
export function boundErrors(selection, error) {
  if (error?.status !== 400 && error?.status !== 422) return {};
  const told = [error.detail, ...error.errors.map(({ detail }) => detail)];
  const found = {};
  for (const bound of ['from', 'to']) {
    const value = selection[bound];
    if (value === undefined) continue;
    const text = told.find((candidate) => candidate?.includes(`"${value}"`));
    if (text) found[bound] = text;
  }
  return found;
}
