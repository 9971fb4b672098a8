import { useMediaQuery } from '@mantine/hooks';
import { useInfiniteQuery } from '@tanstack/react-query';
import { quarantineQuery } from '../../api/queries.js';
import { cellText } from '../../lib/columns.js';
import { formatAmount, formatCount } from '../../lib/format.js';
import { positionText } from '../../lib/runs.js';
import { isActive } from '../../lib/status.js';
import { EmptyState } from '../../ui/notices.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { LoadMore } from './LoadMore.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** Below this width three columns would leave a row as it came one of a few letters. */
const TOO_NARROW = '(max-width: 640px)';

/** The rows one run turned away: where each came from, why, and what stood in it. */
export function QuarantineTable({ pipelineId, run }) {
  const query = useInfiniteQuery(quarantineQuery(pipelineId, run.id, isActive(run.status)));
  const narrow = useMediaQuery(TOO_NARROW, undefined, { getInitialValueInEffect: false });
  return (
    <QueryState query={query} what="rejected rows" rows={3}>
      {({ pages }) => {
        const items = pages.flatMap((page) => page.items);
        if (items.length === 0) {
          return <NoneKept status={run.status} />;
        }
        return (
          <>
            <TableFrame label="Rejected rows">
              <thead>
                <tr>
                  {(narrow ? NARROW_HEADS : HEADS).map((head) => (
                    <th key={head} scope="col">
                      {head}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {items.map((item) => (
                  <RejectedRow key={item.id} item={item} narrow={narrow} />
                ))}
              </tbody>
            </TableFrame>
            <LoadMore
              query={query}
              label="Load more rejected rows"
              shown={`${formatCount(items.length)} of ${formatAmount(run.rows_rejected, 'rejected row')} shown`}
            />
            {isUndone(run.status) && !query.hasNextPage && items.length < run.rows_rejected && (
              <p className="muted">
                {formatAmount(run.rows_rejected - items.length, 'more rejected row')} went with a
                load that did not finish: only the count is kept.
              </p>
            )}
          </>
        );
      }}
    </QueryState>
  );
}

/** Rejected rows are kept by the transaction of their load, so they go when it is rolled back. */
function isUndone(status) {
  return status === 'failed' || status === 'cancelled';
}

function NoneKept({ status }) {
  if (isActive(status)) {
    return (
      <EmptyState title="Not kept yet">
        Rejected rows are kept, with the reason, once the load that they came with has finished.
      </EmptyState>
    );
  }
  if (isUndone(status)) {
    return (
      <EmptyState title="These rows were rolled back">
        The load that they came with did not finish, and they went with it: only their count is
        kept. The log of the job that checked them may name some.
      </EmptyState>
    );
  }
  return (
    <EmptyState title="The rejected rows are gone">
      They are older than the time for which rejected rows are kept: only their count is left.
    </EmptyState>
  );
}

const HEADS = ['Source', 'Reason', 'Row as it came'];
const NARROW_HEADS = ['Source, reason and row as it came'];

function RejectedRow({ item, narrow }) {
  const blamed = new Set(item.reasons.map((reason) => reason.column));
  const parts = {
    source: <Source item={item} />,
    reasons: <Reasons reasons={item.reasons} />,
    row: <RowValues row={item.row} raw={item.raw} blamed={blamed} />,
  };
  if (narrow) {
    return (
      <tr>
        <td className={`${classes.wrap} ${classes.stacked}`}>
          {parts.source}
          {parts.reasons}
          {parts.row}
        </td>
      </tr>
    );
  }
  return (
    <tr>
      {Object.entries(parts).map(([name, part]) => (
        <td key={name} className={classes.wrap}>
          {part}
        </td>
      ))}
    </tr>
  );
}

function Source({ item }) {
  return (
    <div>
      <div className="mono">{item.source}</div>
      <div className="muted">
        {[positionText(item.position), item.job_id].filter(Boolean).join(' · ')}
      </div>
    </div>
  );
}

function Reasons({ reasons }) {
  return (
    <div className={classes.reasons}>
      {reasons.map((reason) => (
        <div key={`${reason.rule} ${reason.column} ${reason.message}`} className={classes.reason}>
          {reason.message}
          <div className="muted">
            <code>{[reason.rule, reason.column].filter(Boolean).join(' · ')}</code>
          </div>
        </div>
      ))}
    </div>
  );
}

/** The row by column; as one text where it could not be taken apart. */
function RowValues({ row, raw, blamed }) {
  if (!row) return <code className={classes.raw}>{raw ?? ''}</code>;
  return (
    <div className={classes.values}>
      {Object.entries(row).map(([column, value]) => (
        <span
          key={column}
          className={`${classes.value} ${blamed.has(column) ? classes.blamed : ''}`}
        >
          <span className={classes.valueName}>{column}</span>{' '}
          {value === null ? <i>null</i> : cellText(value) || <i>empty</i>}
        </span>
      ))}
    </div>
  );
}
