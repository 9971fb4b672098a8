import { columnSizingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { cellText, columnWidth, isNumericType, mayBeCut } from '../../lib/columns.js';
import { formatCount } from '../../lib/format.js';
import { ScrollEdges } from '../../ui/ScrollEdges.jsx';
import classes from './DatasetRowsTable.module.css';
import { LoadMore } from './LoadMore.jsx';
import { useGridKeys } from './useGridKeys.js';

const ROW_HEIGHT = 31;
const features = tableFeatures({ columnSizingFeature });

/**
 * The loaded rows of a table. Only the rows in sight are mounted, all of one height. One tab stop;
 * arrow keys, Home, End and Page keys walk from cell to cell.
 */
export function DatasetRowsTable({ name, query, pages, total }) {
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
          onKeyDown={keys.onKeyDown}
          tabIndex={-1}
        >
          <Head headers={table.getHeaderGroups()[0].headers} width={width} />
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
          {shownText(rows.length, total, query.hasNextPage)}
        </span>
        <LoadMore query={query} label="Load more rows" inline />
      </div>
    </>
  );
}

function shownText(shown, total, more) {
  if (!more) return `All ${formatCount(shown)} rows shown`;
  return total
    ? `${formatCount(shown)} of ${total} rows shown`
    : `${formatCount(shown)} rows shown`;
}

function Head({ headers, width }) {
  return (
    <div className={classes.head} role="rowgroup" style={{ width }}>
      <div className={classes.row} role="row" aria-rowindex={1}>
        {headers.map((header, index) => {
          const { numeric, type } = header.column.columnDef.meta;
          return (
            <div
              key={header.id}
              role="columnheader"
              aria-colindex={index + 1}
              className={`${classes.headCell} ${numeric ? classes.right : ''}`}
              style={{ width: header.getSize() }}
              title={`${header.column.columnDef.header} ${type}`}
            >
              <span className={`${classes.columnName} truncate`}>
                {header.column.columnDef.header}
              </span>
              <span className={`${classes.columnType} truncate`}>{type}</span>
            </div>
          );
        })}
      </div>
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
