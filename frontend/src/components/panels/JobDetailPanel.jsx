import { ActionIcon, Button } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { formatCount, NOTHING } from '../../lib/format.js';
import { dependantsOf } from '../../lib/graph.js';
import { errorParts } from '../../lib/runs.js';
import { isActive } from '../../lib/status.js';
import { IconArrowLeft, IconX } from '../../ui/icons.js';
import { Notice } from '../../ui/notices.jsx';
import { RejectedMark } from '../../ui/RejectedMark.jsx';
import { Status } from '../../ui/Status.jsx';
import { Duration, Time } from '../../ui/Time.jsx';
import { JobLink } from '../JobLink.jsx';
import classes from './JobDetailPanel.module.css';
import { JobLog } from './JobLog.jsx';
import { RunWarnings } from './RunWarnings.jsx';

/**
 * One job of the shown run: state, times, row counts, its error, its neighbours, its log.
 * `covering` is true where the panel lies over the page and leads back to it.
 */
export function JobDetailPanel({ job, jobs, runId, onClose, covering = false, takeFocus = false }) {
  const heading = useRef(null);
  useEffect(() => {
    if (takeFocus) heading.current.focus({ preventScroll: true });
  }, [takeFocus]);
  const error = errorParts(job.error);
  return (
    <section className={classes.panel} aria-label={`Job ${job.name ?? job.id}`}>
      {covering && (
        <div>
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<IconArrowLeft size={16} aria-hidden="true" />}
            onClick={onClose}
          >
            Back to the pipeline
          </Button>
        </div>
      )}
      <div className={classes.head}>
        <div className={classes.titles}>
          <h2 ref={heading} tabIndex={-1}>
            {job.name ?? job.id}
          </h2>
          <div className={classes.under}>
            <Status status={job.status} />
            <span>{job.type}</span>
            {job.name && job.name !== job.id && <code>{job.id}</code>}
          </div>
        </div>
        {!covering && (
          <ActionIcon
            variant="subtle"
            color="gray"
            size={28}
            aria-label="Close the job"
            title="Close (Esc)"
            onClick={onClose}
          >
            <IconX size={16} aria-hidden="true" />
          </ActionIcon>
        )}
      </div>
      {error && (
        <Notice tone={job.status === 'retrying' ? 'warning' : 'failed'} title="What went wrong">
          <p className={classes.errorText}>{error.message}</p>
          {error.hint && <p className="muted">{error.hint}</p>}
        </Notice>
      )}
      {job.status === 'skipped' && (
        <Notice tone="warning" title="Not run">
          <p>A job that this one needs did not succeed.</p>
        </Notice>
      )}
      <RunWarnings warnings={job.warnings?.map((message) => ({ message }))} />
      <RowCounts job={job} />
      <JobFacts job={job} jobs={jobs} />
      {runId && job.inRun && <JobLog runId={runId} jobId={job.id} active={isActive(job.status)} />}
      {runId && !job.inRun && <p className="muted">This job was not part of the shown run.</p>}
    </section>
  );
}

function rejectedCount({ rows_rejected: count }) {
  return count > 0 ? <RejectedMark count={count} short /> : formatCount(count);
}

function RowCounts({ job }) {
  const counts = [
    ['Rows in', formatCount(job.rows_in)],
    ['Rows out', formatCount(job.rows_out)],
    ['Rejected', rejectedCount(job)],
  ];
  return (
    <dl className={classes.counts}>
      {counts.map(([label, value]) => (
        <div key={label} className={classes.count}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function JobFacts({ job, jobs }) {
  const needs = jobs.filter((other) => job.needs?.includes(other.id));
  return (
    <dl className={classes.facts}>
      <dt>Started</dt>
      <dd>
        <Time value={job.started_at ?? job.last_run_at} format="absolute" empty="Not started" />
      </dd>
      <dt>Finished</dt>
      <dd>
        <Time value={job.finished_at} format="absolute" />
      </dd>
      <dt>Duration</dt>
      <dd>
        <Duration
          startedAt={job.started_at}
          durationMs={job.duration_ms}
          running={job.status === 'running'}
        />
      </dd>
      <dt>Attempt</dt>
      <dd className="numeric">{attemptText(job)}</dd>
      <dt>Needs</dt>
      <dd>
        <JobLinks jobs={needs} />
      </dd>
      <dt>Needed by</dt>
      <dd>
        <JobLinks jobs={dependantsOf(jobs, job.id)} />
      </dd>
    </dl>
  );
}

function attemptText(job) {
  const attempt = job.attempt ?? job.attempts;
  if (!attempt) return NOTHING;
  return job.max_attempts ? `${attempt} of ${job.max_attempts}` : String(attempt);
}

function JobLinks({ jobs }) {
  if (jobs.length === 0) return <span className="muted">{NOTHING}</span>;
  return (
    <span className={classes.links}>
      {jobs.map((job) => (
        <JobLink key={job.id} job={job.id}>
          {job.name ?? job.id}
        </JobLink>
      ))}
    </span>
  );
}
