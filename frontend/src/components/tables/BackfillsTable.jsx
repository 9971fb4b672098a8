import { Button } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.js';
import { backfillsQuery, useCancelBackfill } from '../../api/schedules.js';
import { progressOf } from '../../lib/backfill.js';
import { formatCount } from '../../lib/format.js';
import { asSentence, errorParts } from '../../lib/runs.js';
import { isActive } from '../../lib/status.js';
import { useKeepFocus } from '../../lib/useKeepFocus.js';
import { CutText } from '../../ui/CutText.jsx';
import { EmptyState, ErrorPanel } from '../../ui/notices.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Status, toneClass } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './BackfillsTable.module.css';
import { LoadMore } from './LoadMore.jsx';
import { TableFrame } from './TableFrame.jsx';

/** The backfills of a pipeline, newest first, how far each is, and the way to stop one. */
export function BackfillsTable({ pipelineId, scheduled }) {
  const query = useInfiniteQuery(backfillsQuery(pipelineId));
  return (
    <QueryState query={query} what="the backfills" rows={3}>
      {({ pages }) => (
        <Backfills
          query={query}
          pipelineId={pipelineId}
          scheduled={scheduled}
          items={pages.flatMap((page) => page.items)}
        />
      )}
    </QueryState>
  );
}

function Backfills({ query, pipelineId, scheduled, items }) {
  const { data: user } = useQuery(sessionQuery);
  const cancel = useCancelBackfill(pipelineId);
  const mayStop = user && user.role !== 'viewer';
  // Not on to the next button: it would stop another one.
  const keepFocus = useKeepFocus('[role=region]');
  if (items.length === 0) {
    return (
      <EmptyState title="No backfill yet">
        {scheduled
          ? 'A backfill runs the pipeline for times of its schedule that have been, such as a week before it was there. Times that were missed and are made up for stand here too.'
          : 'A backfill runs a pipeline for times of its schedule that have been; this one has no schedule.'}
      </EmptyState>
    );
  }
  return (
    <div {...keepFocus}>
      {cancel.error && (
        <div className={classes.error}>
          <ErrorPanel error={cancel.error} />
        </div>
      )}
      <TableFrame label="Backfills">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Progress</th>
            {mayStop && (
              <th scope="col">
                <span className="visually-hidden">Stop</span>
              </th>
            )}
            <th scope="col">First time</th>
            <th scope="col">Last time</th>
            <th scope="col">Asked for</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {items.map((backfill) => (
            <BackfillRow key={backfill.id} backfill={backfill} cancel={mayStop ? cancel : null} />
          ))}
        </tbody>
      </TableFrame>
      <LoadMore
        query={query}
        label="Load older backfills"
        shown={`${formatCount(items.length)} shown`}
      />
    </div>
  );
}

function BackfillRow({ backfill, cancel }) {
  const message = errorParts(backfill.error)?.message;
  const stopping = cancel?.isPending && cancel.variables === backfill.id;
  return (
    <tr>
      <td>
        <Status status={backfill.status} variant="plain" />
      </td>
      <td>
        <Progress backfill={backfill} />
      </td>
      {cancel && (
        <td>
          {isActive(backfill.status) && (
            <Button
              variant="default"
              size="compact-xs"
              loading={stopping}
              aria-label={`Stop the backfill of ${formatCount(backfill.runs)} runs`}
              onClick={() => cancel.mutate(backfill.id)}
            >
              Stop
            </Button>
          )}
        </td>
      )}
      <td>
        <Time value={backfill.first_time} format="absolute" />
      </td>
      <td>
        <Time value={backfill.last_time} format="absolute" />
      </td>
      <td>
        {backfill.kind === 'missed' ? 'Missed times, by itself' : 'By hand'},{' '}
        <Time value={backfill.created_at} />
      </td>
      <td>
        <CutText>{message && asSentence(message)}</CutText>
      </td>
    </tr>
  );
}

/** A bar for the eye, and what it says in numbers beside it. */
function Progress({ backfill }) {
  const { runs, runs_succeeded: succeeded, runs_failed: failed } = backfill;
  return (
    <span className={classes.progress}>
      <span className={`${classes.track} ${toneClass('succeeded')}`} aria-hidden="true">
        <span className={classes.bar} style={{ width: `${progressOf(backfill) * 100}%` }} />
      </span>
      <span className={classes.figures}>
        {formatCount(succeeded + failed)} of {formatCount(runs)}
        {failed > 0 && <span className={classes.failed}>, {formatCount(failed)} failed</span>}
      </span>
    </span>
  );
}
