import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { runQuery } from '../../api/queries.js';
import { compareRuns } from '../../lib/compare.js';
import { formatChange, formatCount, formatDuration, NOTHING } from '../../lib/format.js';
import { ErrorPanel } from '../../ui/notices.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Status, StatusIcon } from '../../ui/Status.jsx';
import { describeState } from '../../lib/status.js';
import { Time } from '../../ui/Time.jsx';
import { JobLink } from '../JobLink.jsx';
import table from '../tables/table.module.css';
import { TableFrame } from '../tables/TableFrame.jsx';
import classes from './RunComparison.module.css';

/** The run that is shown beside another one: how long each job took, how many rows it gave. */
export function RunComparison({ run, otherId }) {
  const query = useQuery(runQuery(otherId));
  useFocusOnLink(otherId);
  return (
    <div className={classes.comparison}>
      <div className={classes.head}>
        <h3>Two runs compared</h3>
        <Link
          from="/pipelines/$pipelineId"
          to="/pipelines/$pipelineId"
          search={({ compare: _closed, ...rest }) => rest}
          replace
          resetScroll={false}
        >
          Close the comparison
        </Link>
      </div>
      <QueryState query={query} what="the other run" rows={4}>
        {(other) =>
          other.pipeline_id === run.pipeline_id ? (
            <Comparison left={run} right={other} />
          ) : (
            <ErrorPanel
              error={{
                title: 'That run is of another pipeline',
                detail: `It belongs to “${other.pipeline_id}”, whose jobs are others.`,
                hint: 'Choose one of the runs below.',
              }}
            />
          )
        }
      </QueryState>
    </div>
  );
}

/** When the comparison is closed the focus goes back to the link that opens it. */
function useFocusOnLink(otherId) {
  useEffect(
    () => () => {
      if (document.activeElement !== document.body) return;
      const links = [...document.querySelectorAll('[data-compare]')];
      links.find(({ dataset }) => dataset.compare === otherId)?.focus();
    },
    [otherId],
  );
}

function Comparison({ left, right }) {
  return (
    <TableFrame label="Two runs compared">
      <thead>
        <tr>
          <th scope="col" rowSpan={2}>
            Job
          </th>
          <RunHead title="The shown run" run={left} />
          <RunHead title="Compared with" run={right} />
          <th scope="colgroup" colSpan={2} className={classes.group}>
            Change
          </th>
        </tr>
        <tr>
          {['shown', 'other', 'change'].map((part) => (
            <Columns key={part} />
          ))}
        </tr>
      </thead>
      <tbody>
        {compareRuns(left, right).map((row) => (
          <ComparisonRow key={row.id ?? ''} row={row} />
        ))}
      </tbody>
    </TableFrame>
  );
}

function Columns() {
  return (
    <>
      <th scope="col" className={`${table.right} ${classes.first}`}>
        Duration
      </th>
      <th scope="col" className={table.right}>
        Rows
      </th>
    </>
  );
}

function RunHead({ title, run }) {
  return (
    <th scope="colgroup" colSpan={2} className={classes.group}>
      <span className={classes.run}>
        {title}
        <Status status={run.status} variant="plain" />
        <Time value={run.started_at ?? run.queued_at} format="absolute" />
      </span>
    </th>
  );
}

/** A state where it says more than the figure beside it. */
function Outcome({ part }) {
  if (!part) return <span className="muted">not in it</span>;
  if (part.status === 'succeeded') return null;
  return (
    <span className={classes.outcome}>
      <StatusIcon status={part.status} size={14} />
      <span className="visually-hidden">{describeState(part.status).word}</span>
    </span>
  );
}

function ComparisonRow({ row }) {
  const { id, left, right } = row;
  const job = id !== null;
  return (
    <tr className={job ? undefined : classes.whole}>
      <th scope="row">
        {job ? (
          <JobLink job={id} className={table.nameLink}>
            {id}
          </JobLink>
        ) : (
          'The whole run'
        )}
      </th>
      <td className={`${table.right} ${classes.first}`}>
        {job && <Outcome part={left} />} {left ? formatDuration(row.leftMs) : ''}
      </td>
      <td className={table.right}>{left ? formatCount(row.leftRows) : NOTHING}</td>
      <td className={`${table.right} ${classes.first}`}>
        {job && <Outcome part={right} />} {right ? formatDuration(row.rightMs) : ''}
      </td>
      <td className={table.right}>{right ? formatCount(row.rightRows) : NOTHING}</td>
      <td className={`${table.right} ${classes.first}`}>
        {formatChange(row.changeMs, formatDuration)}
      </td>
      <td className={table.right}>{formatChange(row.changeRows, formatCount)}</td>
    </tr>
  );
}
