import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { formatAmount, formatCompactCount } from '../../lib/format.js';
import { topologicalOrder } from '../../lib/graph.js';
import { countByState, errorParts } from '../../lib/runs.js';
import { describeSchedule } from '../../lib/schedule.js';
import { describeState, isActive, PIPELINE_STATES, pipelineState } from '../../lib/status.js';
import { RejectedMark } from '../../ui/RejectedMark.jsx';
import { Status, StatusIcon } from '../../ui/Status.jsx';
import { Duration, Time } from '../../ui/Time.jsx';
import classes from './PipelineStatusCard.module.css';

const ICONS_SHOWN = 12;

/** One pipeline at a glance: its state, what its last run did, when the next one comes. */
export function PipelineStatusCard({ pipeline }) {
  const error = pipeline.status === 'failed' && errorParts(pipeline.last_run?.error)?.message;
  const name = pipeline.name || pipeline.id;
  return (
    <article className={classes.card} aria-label={name}>
      <div className={classes.head}>
        <div className={classes.titles}>
          <Link
            to="/pipelines/$pipelineId"
            params={{ pipelineId: pipeline.id }}
            className={classes.name}
          >
            {name}
          </Link>
          {name !== pipeline.id && <code className={`${classes.id} truncate`}>{pipeline.id}</code>}
        </div>
        <Status status={pipelineState(pipeline)} />
      </div>
      {pipeline.description && <p className={classes.description}>{pipeline.description}</p>}
      <JobStrip jobs={pipeline.jobs} rejected={pipeline.last_run?.rows_rejected} />
      <dl className={classes.facts}>
        <dt>Last run</dt>
        <dd className="truncate numeric">
          <LastRun run={pipeline.last_run} />
        </dd>
        {error && (
          <>
            <dt>Error</dt>
            <dd className={`${classes.error} truncate`} title={error}>
              {error}
            </dd>
          </>
        )}
        <dt>Next run</dt>
        <dd className="truncate">
          <NextRun pipeline={pipeline} />
        </dd>
      </dl>
    </article>
  );
}

/** What asks most of the reader comes first, so that a failed job is never among those left out. */
const RANK = new Map([...PIPELINE_STATES, undefined].map((status, index) => [status, index]));
const rankOf = ({ status }) => RANK.get(status) ?? RANK.size;

function stripOf(jobs) {
  const ordered = topologicalOrder(jobs);
  if (ordered.length <= ICONS_SHOWN) return { shown: ordered, left: [] };
  const ranked = ordered.toSorted((a, b) => rankOf(a) - rankOf(b));
  return { shown: ranked.slice(0, ICONS_SHOWN), left: ranked.slice(ICONS_SHOWN) };
}

function inWords(jobs) {
  return countByState(jobs, PIPELINE_STATES)
    .map(([status, count]) => `${count} ${describeState(status).word.toLowerCase()}`)
    .join(', ');
}

/** How the jobs of the last run ended, and whether they turned rows away. */
function JobStrip({ jobs, rejected }) {
  const { shown, left } = useMemo(() => stripOf(jobs), [jobs]);
  return (
    <div className={classes.jobs}>
      {shown.map((job) => (
        <StatusIcon key={job.id} status={job.status} size={14} />
      ))}
      {left.length > 0 && <span title={inWords(left)}>+{left.length}</span>}
      <span className={classes.jobsText}>{formatAmount(jobs.length, 'job')}</span>
      <span className={classes.rejected}>
        <RejectedMark count={rejected} />
      </span>
    </div>
  );
}

function LastRun({ run }) {
  if (!run) return <span className="muted">Never run</span>;
  return (
    <>
      <Time value={run.finished_at ?? run.started_at ?? run.queued_at} />
      {run.started_at && (
        <>
          {' · '}
          <Duration
            startedAt={run.started_at}
            durationMs={run.duration_ms}
            running={isActive(run.status)}
          />
        </>
      )}
      {run.rows_loaded > 0 && ` · ${formatCompactCount(run.rows_loaded)} loaded`}
    </>
  );
}

function NextRun({ pipeline }) {
  if (!pipeline.schedule) return <span className="muted">When started by hand</span>;
  if (!pipeline.enabled) return <span className="muted">None while paused</span>;
  return (
    <>
      <Time value={pipeline.next_run_at} empty="Not planned" />
      <span className="muted"> · {describeSchedule(pipeline.schedule) ?? pipeline.schedule}</span>
    </>
  );
}
