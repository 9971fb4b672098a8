import { formatCount, NOTHING } from '../../lib/format.js';
import { topologicalOrder } from '../../lib/graph.js';
import { Status } from '../../ui/Status.jsx';
import { Duration } from '../../ui/Time.jsx';
import { JobLink } from '../JobLink.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** The same jobs as the graph shows, as a list: each after those it needs. */
export function JobsTable({ jobs, selectedJob }) {
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
          <th scope="col" className={classes.right}>
            Rejected
          </th>
          <th scope="col">Needs</th>
        </tr>
      </thead>
      <tbody>
        {topologicalOrder(jobs).map((job) => (
          <tr key={job.id} data-selected={job.id === selectedJob || undefined}>
            <td>
              <JobLink job={job.id} className={classes.nameLink}>
                {job.name ?? job.id}
              </JobLink>
            </td>
            <td>
              <Status status={job.status} variant="plain" />
            </td>
            <td>{job.type}</td>
            <td className={classes.right}>
              <Duration
                startedAt={job.started_at}
                durationMs={job.duration_ms}
                running={job.status === 'running'}
              />
            </td>
            <td className={classes.right}>{formatCount(job.rows_out)}</td>
            <td className={classes.right}>{formatCount(job.rows_rejected)}</td>
            <td className="muted">{job.needs?.join(', ') || NOTHING}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}
