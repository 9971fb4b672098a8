import { Button } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { memo, useMemo, useState } from 'react';
import { formatAmount, formatCount, NOTHING } from '../../lib/format.js';
import { topologicalOrder } from '../../lib/graph.js';
import { describeState } from '../../lib/status.js';
import { NoMatch } from '../../ui/notices.jsx';
import { RejectedMark } from '../../ui/RejectedMark.jsx';
import { Status } from '../../ui/Status.jsx';
import { Duration } from '../../ui/Time.jsx';
import { SearchField } from '../forms/SearchField.jsx';
import { JobLink } from '../JobLink.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** Above this many jobs one looks for a job by its name rather than by eye. */
const SEARCH_FROM = 20;
/** So many rows are put on the page at once: each is a link that knows the address. */
const ROWS_AT_ONCE = 200;

function jobMatches({ id, name, type, status }, wanted) {
  return [id, name, type, describeState(status).word].some((text) =>
    text?.toLowerCase().includes(wanted),
  );
}

/**
 * The same jobs as the graph shows, as a list: each after those it needs. A long list is searched in
 * the address, and put on the page bit by bit.
 */
export const JobsTable = memo(function JobsTable({ jobs, selectedJob }) {
  const { q } = useSearch({ from: '/app/pipelines/$pipelineId' });
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const [limit, setLimit] = useState(ROWS_AT_ONCE);
  const ordered = useMemo(() => topologicalOrder(jobs), [jobs]);
  const searched = jobs.length > SEARCH_FROM;
  const found = useMemo(
    () => (searched && q ? ordered.filter((job) => jobMatches(job, q.toLowerCase())) : ordered),
    [ordered, searched, q],
  );
  const search = (text) =>
    navigate({ search: (old) => ({ ...old, q: text }), replace: true, resetScroll: false });
  return (
    <>
      {searched && (
        <div className={classes.toolbar}>
          <SearchField
            label="Find a job"
            size="xs"
            value={q}
            onChange={search}
            className={classes.search}
          />
          <span className="muted numeric" role="status">
            {found.length === jobs.length
              ? formatAmount(jobs.length, 'job')
              : `${formatCount(found.length)} of ${formatAmount(jobs.length, 'job')}`}
          </span>
        </div>
      )}
      {found.length === 0 ? (
        <NoMatch title="No job matches" onClear={() => search(undefined)} />
      ) : (
        <JobRows jobs={found.slice(0, limit)} selectedJob={selectedJob} />
      )}
      {found.length > limit && (
        <div className={`${classes.more} ${classes.below}`}>
          <Button variant="default" size="xs" onClick={() => setLimit(limit + ROWS_AT_ONCE)}>
            Show more jobs
          </Button>
          <span>
            {formatCount(limit)} of {formatAmount(found.length, 'job')} shown
          </span>
        </div>
      )}
    </>
  );
});

function JobRows({ jobs, selectedJob }) {
  return (
    <TableFrame label="Jobs as a list">
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">State</th>
          <th scope="col">Type</th>
          <th scope="col" className={classes.right}>
            Duration
          </th>
          <th scope="col" className={classes.right}>
            Rows out
          </th>
          <th scope="col">Needs</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <JobRow
            key={job.id}
            id={job.id}
            name={job.name ?? job.id}
            status={job.status}
            type={job.type}
            startedAt={job.started_at}
            durationMs={job.duration_ms}
            rowsOut={job.rows_out}
            rowsRejected={job.rows_rejected}
            needs={job.needs?.join(', ')}
            selected={job.id === selectedJob}
          />
        ))}
      </tbody>
    </TableFrame>
  );
}

/** Takes plain values, so that a job whose state did not change is not drawn again. */
const JobRow = memo(function JobRow(props) {
  const { id, name, status, type, startedAt, durationMs } = props;
  const { rowsOut, rowsRejected, needs, selected } = props;
  return (
    <tr data-selected={selected || undefined}>
      <td>
        <JobLink job={id} className={classes.nameLink}>
          {name}
        </JobLink>
      </td>
      <td>
        <span className={classes.state}>
          <Status status={status} variant="plain" /> <RejectedMark count={rowsRejected} />
        </span>
      </td>
      <td>{type}</td>
      <td className={classes.right}>
        <Duration startedAt={startedAt} durationMs={durationMs} running={status === 'running'} />
      </td>
      <td className={classes.right}>{formatCount(rowsOut)}</td>
      <td className="muted">{needs || NOTHING}</td>
    </tr>
  );
});
