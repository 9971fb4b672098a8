import { useState } from 'react';

const PAGE = 10;

/** Where a key leads from `[row, column]` in a grid, or null when the key is not the grid's. */
export function gridMove([row, column], key, { rowCount, columnCount, control }) {
  const lastRow = rowCount - 1;
  const lastColumn = columnCount - 1;
  const moves = {
    ArrowDown: [row + 1, column],
    ArrowUp: [row - 1, column],
    ArrowRight: [row, column + 1],
    ArrowLeft: [row, column - 1],
    PageDown: [row + PAGE, column],
    PageUp: [row - PAGE, column],
    Home: [control ? 0 : row, 0],
    End: [control ? lastRow : row, lastColumn],
  };
  if (!Object.hasOwn(moves, key)) return null;
  const [nextRow, nextColumn] = moves[key];
  return [Math.min(lastRow, Math.max(0, nextRow)), Math.min(lastColumn, Math.max(0, nextColumn))];
}

/** One tab stop for a whole virtual grid, and the keys that walk in it. */
export function useGridKeys({ rowCount, columnCount, scroller, scrollToRow }) {
  const [current, setCurrent] = useState([0, 0]);

  function onKeyDown(event) {
    const next = gridMove(current, event.key, { rowCount, columnCount, control: event.ctrlKey });
    if (!next) return;
    event.preventDefault();
    setCurrent(next);
    scrollToRow(next[0]);
    // The row may have to be mounted by the scrolling first.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const cell = scroller.current?.querySelector(`[data-cell="${next.join(',')}"]`);
        cell?.focus();
        cell?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      }),
    );
  }

  function cellProps(row, column) {
    const isCurrent = row === current[0] && column === current[1];
    return {
      'data-cell': `${row},${column}`,
      'aria-colindex': column + 1,
      tabIndex: isCurrent ? 0 : -1,
      onFocus: () => {
        if (!isCurrent) setCurrent([row, column]);
      },
    };
  }

  return { onKeyDown, cellProps };
}
