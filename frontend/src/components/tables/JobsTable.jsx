import { memo, useMemo } from 'react';
import { formatCount, NOTHING } from '../../lib/format.js';
import { topologicalOrder } from '../../lib/graph.js';
import { RejectedMark } from '../../ui/RejectedMark.jsx';
import { Status } from '../../ui/Status.jsx';
import { Duration } from '../../ui/Time.jsx';
import { JobLink } from '../JobLink.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** The same jobs as the graph shows, as a list: each after those it needs. */
export const JobsTable = memo(function JobsTable({ jobs, selectedJob }) {
  const ordered = useMemo(() => topologicalOrder(jobs), [jobs]);
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
        {ordered.map((job) => (
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
});

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
