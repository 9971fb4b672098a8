import { Link } from '@tanstack/react-router';
import { formatCount } from '../../lib/format.js';
import { asSentence, errorParts, messageHeading } from '../../lib/runs.js';
import { isActive, triggerWord } from '../../lib/status.js';
import { Fact, Facts } from '../../ui/Facts.jsx';
import { Notice } from '../../ui/notices.jsx';
import { RejectedMark } from '../../ui/RejectedMark.jsx';
import { Status } from '../../ui/Status.jsx';
import { Duration, Time } from '../../ui/Time.jsx';
import { RunActions } from '../buttons/RunActions.jsx';
import { JobLink } from '../JobLink.jsx';
import classes from './RunSummary.module.css';
import { RunWarnings } from './RunWarnings.jsx';

/** The count, which leads to the rows where there are any. */
function Rejected({ count }) {
  if (!(count > 0)) return formatCount(count);
  return (
    <Link
      from="/pipelines/$pipelineId"
      to="/pipelines/$pipelineId"
      search={(search) => ({ ...search, tab: 'rejected' })}
      resetScroll={false}
    >
      <RejectedMark count={count} short />
    </Link>
  );
}

/** The parameters a run was started with, one below the other. */
function Params({ params }) {
  const entries = Object.entries(params ?? {});
  if (entries.length === 0) return null;
  return (
    <Fact label="Parameters" wide>
      <span className={classes.params}>
        {entries.map(([name, value]) => (
          <code key={name}>
            {name} = {typeof value === 'string' ? value : JSON.stringify(value)}
          </code>
        ))}
      </span>
    </Fact>
  );
}

/** What one run did: state, times, counts, and its error first when it has one. */
export function RunSummary({ run }) {
  const error = errorParts(run.error);
  const failed = run.jobs?.find((job) => job.status === 'failed');
  const heading = messageHeading(run);
  const skipped = run.status === 'skipped';
  return (
    <>
      {error && (
        <Notice tone={heading.tone} title={heading.title}>
          <p className={classes.errorText}>{asSentence(error.message)}</p>
          {error.hint && <p className="muted">{error.hint}</p>}
          {failed && (
            <p>
              <JobLink job={failed.id}>Show the job {failed.id} and its log</JobLink>
            </p>
          )}
        </Notice>
      )}
      <RunWarnings key={`${run.id} warnings`} warnings={run.warnings} />
      <Facts label="Run">
        <Fact label="State">
          <Status status={run.status} />
        </Fact>
        {run.scheduled_for && (
          <Fact label="Scheduled for" wide={skipped}>
            <Time value={run.scheduled_for} format="absolute" />
          </Fact>
        )}
        {!skipped && (
          <Fact label="Started" wide>
            <Time value={run.started_at} format="absolute" empty="Waits for its turn" />
          </Fact>
        )}
        <Fact label="Trigger">{triggerWord(run.trigger)}</Fact>
        {!skipped && <Figures run={run} />}
        <Params params={run.params} />
      </Facts>
      <RunActions key={run.id} run={run} />
    </>
  );
}

/** What only a run that began has. */
function Figures({ run }) {
  return (
    <>
      <Fact label="Duration">
        <Duration
          startedAt={run.started_at}
          durationMs={run.duration_ms}
          running={isActive(run.status)}
        />
      </Fact>
      <Fact label="Rows extracted">{formatCount(run.rows_extracted)}</Fact>
      <Fact label="Rows loaded">{formatCount(run.rows_loaded)}</Fact>
      <Fact label="Rows rejected">
        <Rejected count={run.rows_rejected} />
      </Fact>
      {run.retry_count > 0 && <Fact label="Retries">{formatCount(run.retry_count)}</Fact>}
    </>
  );
}
