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

const CHARACTER_PX = { text: 7.4, number: 8.6 };
const PADDING_PX = 26;
const SAMPLE_ROWS = 50;

/** A width in pixels that fits the head and the first rows' values, within bounds. */
export function columnWidth(column, index, rows) {
  let longest = Math.max(column.name.length, (column.type ?? '').length * 0.9);
  for (const row of rows.slice(0, SAMPLE_ROWS)) {
    longest = Math.max(longest, cellText(row[index]).length);
  }
  const character = isNumericType(column.type) ? CHARACTER_PX.number : CHARACTER_PX.text;
  return Math.round(Math.min(360, Math.max(88, longest * character + PADDING_PX)));
}
