const NUMERIC =
  /^(u?int(8|16|32|64)|smallint|integer|bigint|float(32|64)?|real|double( precision)?|decimal(128)?|numeric)(\s*\(|$)/i;

/** Whether values of this column type are numbers, and so stand at the right. */
export function isNumericType(type) {
  return NUMERIC.test(type ?? '');
}

/** How a cell of a row answer reads. Null is told apart from an empty text by the caller. */
export function cellText(value) {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/**
 * The advance of Inter's characters at 13 px, by kind, each rounded up: a text is never wider than
 * reckoned. Measuring 200 rows of every column in the page would cost a layout each.
 */
const ADVANCES = [
  [/[ijlI.,:;|'! ]/, 4],
  [/[frt/()[\]{}_"*-]/, 6.1],
  [/[a-hknopqrsuvxyz]/, 8],
  [/[0-9]/, 8.5],
  [/[mwMW@%]/, 13.2],
  [/[\u1100-\uffff]/, 13.2],
];
const OTHER_PX = 10;
const PADDING_PX = 26;
const WIDTH = { least: 88, most: 360 };
/** The type below a column's name is set in 12 px. */
const TYPE_SCALE = 12 / 13;

const advances = new Map();

function advanceOf(character) {
  let advance = advances.get(character);
  if (advance === undefined) {
    advance = ADVANCES.find(([kind]) => kind.test(character))?.[1] ?? OTHER_PX;
    advances.set(character, advance);
  }
  return advance;
}

/** An upper bound of a cell text's width in pixels; of a long text's only up to the widest column. */
export function textWidth(text) {
  let width = 0;
  for (const character of text) {
    width += advanceOf(character);
    if (width > WIDTH.most) break;
  }
  return width;
}

/** Whether a text may be cut in a column of this width, and so needs a tooltip. */
export function mayBeCut(text, width) {
  return textWidth(text) + PADDING_PX > width;
}

/** A width in pixels that fits the head and the given rows' values, within bounds. */
export function columnWidth(column, index, rows) {
  let widest = Math.max(textWidth(column.name), textWidth(column.type ?? '') * TYPE_SCALE);
  for (const row of rows) widest = Math.max(widest, textWidth(cellText(row[index])));
  return Math.min(WIDTH.most, Math.max(WIDTH.least, Math.ceil(widest + PADDING_PX)));
}
