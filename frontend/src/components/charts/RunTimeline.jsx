import { useMemo } from 'react';
import { formatDuration, NOTHING } from '../../lib/format.js';
import { topologicalOrder } from '../../lib/graph.js';
import { useNow } from '../../lib/now.js';
import { isActive } from '../../lib/status.js';
import { timelineOf } from '../../lib/timeline.js';
import { EmptyState } from '../../ui/notices.jsx';
import { Status, toneClass } from '../../ui/Status.jsx';
import { describeState } from '../../lib/status.js';
import { JobLink } from '../JobLink.jsx';
import table from '../tables/table.module.css';
import { TableFrame } from '../tables/TableFrame.jsx';
import classes from './RunTimeline.module.css';

const LEGEND = [
  ['needs', 'Waits for what it needs'],
  ['queue', 'Ready: waits for a worker, or for another attempt'],
  ['run', 'Runs'],
];

const SECOND_MS = 1000;

/**
 * A run's jobs along its time, each with a bar and the same in numbers: a table for whoever does not
 * see the bars.
 */
export function RunTimeline({ run, jobs, selectedJob }) {
  const running = isActive(run?.status);
  // A run that is over does not change with the clock.
  const now = useNow((at) => (running ? Math.floor(at / SECOND_MS) * SECOND_MS : 0));
  const ordered = useMemo(() => topologicalOrder(jobs), [jobs]);
  const line = useMemo(() => timelineOf(run, ordered, now), [run, ordered, now]);
  if (!line || line.rows.length === 0) {
    return (
      <EmptyState title="Nothing to draw yet">
        A timeline shows when each job of a run waited and ran. The shown run has no jobs.
      </EmptyState>
    );
  }
  return (
    <div className={classes.timeline}>
      <ul className={classes.legend} aria-label="What the bars mean">
        {LEGEND.map(([kind, words]) => (
          <li key={kind}>
            <span
              className={`${classes.key} ${classes[kind]} ${toneClass('queued')}`}
              aria-hidden
            />
            {words}
          </li>
        ))}
      </ul>
      <TableFrame label="Timeline of the run">
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">State</th>
            <th scope="col" className={classes.axis}>
              <span className="visually-hidden">Bars from the run’s beginning on</span>
              <span className={classes.scale}>
                <span>0 s</span>
                <span>{formatDuration(line.lengthMs)}</span>
              </span>
            </th>
            <th scope="col" className={table.right}>
              Waited
            </th>
            <th scope="col" className={table.right}>
              Ready
            </th>
            <th scope="col" className={table.right}>
              Ran
            </th>
            <th scope="col" className={table.right}>
              Attempt
            </th>
          </tr>
        </thead>
        <tbody>
          {line.rows.map((row) => (
            <TimelineRow
              key={row.job.id}
              row={row}
              lengthMs={line.lengthMs}
              selected={row.job.id === selectedJob}
            />
          ))}
        </tbody>
      </TableFrame>
    </div>
  );
}

const shareOf = (ms, lengthMs) => `${(ms / lengthMs) * 100}%`;
const figure = (ms) => (ms > 0 ? formatDuration(ms) : NOTHING);

function TimelineRow({ row: { job, parts, needsMs, queueMs, runMs }, lengthMs, selected }) {
  return (
    <tr data-selected={selected || undefined}>
      <td>
        <JobLink job={job.id} className={table.nameLink}>
          {job.name ?? job.id}
        </JobLink>
      </td>
      <td>
        <Status status={job.status} variant="plain" />
      </td>
      <td className={classes.axis}>
        <span
          className={`${classes.lane} ${toneClass(describeState(job.status).tone)}`}
          aria-hidden="true"
        >
          {parts.map(({ kind, fromMs, toMs }) => (
            <span
              key={kind}
              className={`${classes.part} ${classes[kind]}`}
              data-part={kind}
              style={{ left: shareOf(fromMs, lengthMs), width: shareOf(toMs - fromMs, lengthMs) }}
            />
          ))}
        </span>
      </td>
      <td className={table.right}>{figure(needsMs)}</td>
      <td className={table.right}>{figure(queueMs)}</td>
      <td className={table.right}>{figure(runMs)}</td>
      <td className={table.right}>
        {job.attempt > 0 ? `${job.attempt} of ${job.max_attempts}` : NOTHING}
      </td>
    </tr>
  );
}
