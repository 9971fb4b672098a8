import { useState } from 'react';
import { KEYS, presses } from '../../lib/keys.js';

const PAGE = 10;
const GRID_KEYS = [KEYS.cell, KEYS.screenful, KEYS.rowEnds, KEYS.tableEnds];

/** The row of the columns' names, when it is walked in as well. */
export const HEAD = -1;

/**
 * Where a key leads from `[row, column]` in a grid, or null when the key is not the grid's. `top` is
 * the first row: 0, or HEAD, where the arrow up leads out of row 0.
 */
export function gridMove([row, column], key, { rowCount, columnCount, control, top = 0 }) {
  const lastRow = rowCount - 1;
  const lastColumn = columnCount - 1;
  const moves = {
    ArrowDown: [row + 1, column],
    ArrowUp: [row - 1, column],
    ArrowRight: [row, column + 1],
    ArrowLeft: [row, column - 1],
    PageDown: [row + PAGE, column],
    PageUp: [Math.max(Math.min(row, 0), row - PAGE), column],
    Home: [control ? 0 : row, 0],
    End: [control ? lastRow : row, lastColumn],
  };
  if (!Object.hasOwn(moves, key)) return null;
  const [nextRow, nextColumn] = moves[key];
  return [Math.min(lastRow, Math.max(top, nextRow)), Math.min(lastColumn, Math.max(0, nextColumn))];
}

/** One tab stop for a whole virtual grid, and the keys that walk in it, its head included. */
export function useGridKeys({ rowCount, columnCount, scroller, scrollToRow }) {
  const [place, setCurrent] = useState([0, 0]);
  // Other rows may have come, and fewer.
  const current = [Math.min(place[0], rowCount - 1), Math.min(place[1], columnCount - 1)];

  function onKeyDown(event) {
    if (!GRID_KEYS.some((entry) => presses(entry, event))) return;
    const next = gridMove(current, event.key, {
      rowCount,
      columnCount,
      control: event.ctrlKey || event.metaKey,
      top: HEAD,
    });
    if (!next) return;
    event.preventDefault();
    setCurrent(next);
    if (next[0] !== HEAD) scrollToRow(next[0]);
    // The row may have to be mounted by the scrolling first.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const cell = scroller.current?.querySelector(`[data-cell="${next.join(',')}"]`);
        cell?.focus();
        cell?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      }),
    );
  }

  /** Of what takes the focus in a place. */
  function stopProps(row, column) {
    const isCurrent = row === current[0] && column === current[1];
    return {
      'data-cell': `${row},${column}`,
      tabIndex: isCurrent ? 0 : -1,
      onFocus: () => {
        if (!isCurrent) setCurrent([row, column]);
      },
    };
  }

  function cellProps(row, column) {
    return { ...stopProps(row, column), 'aria-colindex': column + 1 };
  }

  return { onKeyDown, cellProps, stopProps };
}
