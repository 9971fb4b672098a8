import { columnSizingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { cellText, columnWidth, isNumericType, mayBeCut } from '../../lib/columns.js';
import { formatAmount, formatCount } from '../../lib/format.js';
import { hasBounds, maySort, orderOf, sortOf } from '../../lib/selection.js';
import { IconArrowDown, IconArrowUp } from '../../ui/icons.js';
import { ScrollEdges } from '../../ui/ScrollEdges.jsx';
import classes from './DatasetRowsTable.module.css';
import { LoadMore } from './LoadMore.jsx';
import { HEAD, useGridKeys } from './useGridKeys.js';

const ROW_HEIGHT = 31;
const features = tableFeatures({ columnSizingFeature });

/**
 * The loaded rows of a table. Only the rows in sight are mounted, all of one height. One tab stop;
 * arrow keys, Home, End and Page keys walk from cell to cell, and up to the columns' names, which
 * sort.
 */
export function DatasetRowsTable({ name, query, pages, total, selection, onSort }) {
  const rows = useMemo(() => pages.flatMap((page) => page.rows), [pages]);
  const described = pages[0].columns;
  const [sample] = useState(pages[0].rows);
  const columns = useMemo(
    () =>
      described.map((column, index) => ({
        id: `${index}`,
        accessorFn: (row) => row[index],
        header: column.name,
        size: columnWidth(column, index, sample),
        meta: { type: column.type, numeric: isNumericType(column.type) },
      })),
    [described, sample],
  );
  const table = useTable({ features, columns, data: rows });
  const scroller = useRef(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  const keys = useGridKeys({
    rowCount: rows.length,
    columnCount: columns.length,
    scroller,
    scrollToRow: (index) => virtual.scrollToIndex(index),
  });
  const first = pages[0];
  // Rows in another order are read from their beginning.
  useEffect(() => {
    if (scroller.current) scroller.current.scrollTop = 0;
  }, [first]);
  const models = table.getRowModel().rows;
  const width = table.getTotalSize();

  return (
    <>
      <ScrollEdges>
        <div
          ref={scroller}
          className={classes.scroller}
          role="grid"
          aria-label={`Rows of ${name}`}
          aria-rowcount={query.hasNextPage ? -1 : rows.length + 1}
          aria-colcount={columns.length}
          aria-busy={query.isPlaceholderData}
          onKeyDown={keys.onKeyDown}
          tabIndex={-1}
        >
          <Head
            headers={table.getHeaderGroups()[0].headers}
            width={width}
            keys={keys}
            selection={selection}
            onSort={onSort}
          />
          <div
            className={classes.body}
            role="rowgroup"
            style={{ height: virtual.getTotalSize(), width }}
          >
            {virtual.getVirtualItems().map((item) => (
              <Row key={item.key} row={models[item.index]} item={item} width={width} keys={keys} />
            ))}
          </div>
        </div>
      </ScrollEdges>
      <div className={classes.foot}>
        <span className="numeric" role="status">
          {shownText(rows.length, query, selection, total)}
        </span>
        <LoadMore query={query} label="Load more rows" inline />
      </div>
    </>
  );
}

/** How much is shown. How many rows are within bounds is not known before they are all shown. */
function shownText(shown, query, selection, total) {
  const amount = formatAmount(shown, 'row');
  if (query.isPlaceholderData) return 'Loading the rows…';
  const within = hasBounds(selection) ? ` within the bounds of ${orderOf(selection).column}` : '';
  if (!query.hasNextPage)
    return shown === 1 ? `1 row${within} shown` : `All ${amount}${within} shown`;
  if (within || !total) return `${amount}${within} shown`;
  return `${formatCount(shown)} of ${total} rows shown`;
}

function Head({ headers, width, keys, selection, onSort }) {
  return (
    <div className={classes.head} role="rowgroup" style={{ width }}>
      <div className={classes.row} role="row" aria-rowindex={1}>
        {headers.map((header, index) => (
          <HeadCell
            key={header.id}
            header={header}
            index={index}
            stop={keys.stopProps(HEAD, index)}
            sort={sortOf(selection, header.column.columnDef.header)}
            onSort={onSort}
          />
        ))}
      </div>
    </div>
  );
}

const ARROWS = { ascending: IconArrowUp, descending: IconArrowDown };

function HeadCell({ header, index, stop, sort, onSort }) {
  const name = header.column.columnDef.header;
  const { numeric, type } = header.column.columnDef.meta;
  const sortable = maySort(type);
  const Arrow = ARROWS[sort];
  const texts = (
    <>
      <span className={classes.columnLine}>
        <span className={`${classes.columnName} truncate`}>{name}</span>
        {Arrow && <Arrow size={14} aria-hidden="true" className={classes.arrow} />}
      </span>
      <span className={`${classes.columnType} truncate`}>{type}</span>
    </>
  );
  const look = {
    className: `${classes.headCell} ${numeric ? classes.right : ''}`,
    style: { width: header.getSize() },
    title: `${name} ${type}`,
  };
  return (
    <div
      role="columnheader"
      aria-colindex={index + 1}
      aria-sort={sortable ? sort : undefined}
      className={classes.headPlace}
    >
      {sortable ? (
        <button type="button" {...look} {...stop} onClick={() => onSort(name)}>
          {texts}
        </button>
      ) : (
        <div {...look} {...stop}>
          {texts}
        </div>
      )}
    </div>
  );
}

function Row({ row, item, width, keys }) {
  return (
    <div
      role="row"
      aria-rowindex={item.index + 2}
      className={classes.row}
      style={{ height: ROW_HEIGHT, width, transform: `translateY(${item.start}px)` }}
    >
      {row.getAllCells().map((cell, index) => (
        <Cell
          key={cell.id}
          value={cell.getValue()}
          numeric={cell.column.columnDef.meta.numeric}
          width={cell.column.getSize()}
          place={keys.cellProps(item.index, index)}
        />
      ))}
    </div>
  );
}

function Cell({ value, numeric, width, place }) {
  const text = cellText(value);
  return (
    <div
      role="gridcell"
      className={`${classes.cell} ${numeric ? classes.right : ''} truncate`}
      style={{ width }}
      title={mayBeCut(text, width) ? text : undefined}
      {...place}
    >
      {value === null ? <span className={classes.null}>null</span> : text}
    </div>
  );
}
