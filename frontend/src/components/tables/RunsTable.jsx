import { Link } from '@tanstack/react-router';
import { formatCount, NOTHING } from '../../lib/format.js';
import { errorParts } from '../../lib/runs.js';
import { isActive, triggerWord } from '../../lib/status.js';
import { useHeldBack } from '../../lib/useHeldBack.js';
import { CutText } from '../../ui/CutText.jsx';
import { EmptyState } from '../../ui/notices.jsx';
import { RejectedMark } from '../../ui/RejectedMark.jsx';
import { Status } from '../../ui/Status.jsx';
import { Duration, Time } from '../../ui/Time.jsx';
import { WarningMark } from '../../ui/WarningMark.jsx';
import { LoadMore } from './LoadMore.jsx';
import { NewsLine } from './NewsLine.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/**
 * The runs of a pipeline, newest first. While the reader has chosen a run (`hold`), runs that start
 * meanwhile are announced above and not put in.
 */
export function RunsTable({ query, runs, selectedRun, hold, comparedRun }) {
  const { visible, held, release } = useHeldBack(runs, hold);
  const several = runs.length > 1;
  if (runs.length === 0) {
    return (
      <EmptyState title="No runs yet">
        Runs appear here as soon as the pipeline is started, by hand or by its schedule.
      </EmptyState>
    );
  }
  return (
    <>
      <NewsLine count={held} noun="new run" onShow={release} />
      <TableFrame label="Runs">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Started</th>
            <th scope="col">Trigger</th>
            <th scope="col" className={classes.right}>
              Duration
            </th>
            <th scope="col" className={classes.right}>
              Extracted
            </th>
            <th scope="col" className={classes.right}>
              Loaded
            </th>
            <th scope="col" className={classes.right}>
              Retries
            </th>
            {several && <th scope="col">Compare</th>}
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {visible.map((run) => (
            <RunRow
              key={run.id}
              run={run}
              selected={run.id === selectedRun}
              compared={run.id === comparedRun}
              several={several}
            />
          ))}
        </tbody>
      </TableFrame>
      <LoadMore query={query} label="Load older runs" shown={`${formatCount(runs.length)} shown`} />
    </>
  );
}

function RunRow({ run, selected, compared, several }) {
  const error = errorParts(run.error)?.message;
  const count = (value) => (run.status === 'skipped' ? NOTHING : formatCount(value));
  return (
    <tr data-selected={selected || undefined}>
      <td>
        <Link
          from="/pipelines/$pipelineId"
          to="/pipelines/$pipelineId"
          search={(search) => ({ ...search, run: run.id })}
          className={classes.rowLink}
          aria-current={selected ? 'true' : undefined}
          activeOptions={{ includeSearch: true }}
          replace
          resetScroll={false}
        >
          <Status status={run.status} variant="plain" />
          <span className="visually-hidden">, run {run.id}</span>{' '}
          <RejectedMark count={run.rows_rejected} /> <WarningMark warnings={run.warnings} />
        </Link>
      </td>
      <td>
        <Time value={run.started_at ?? run.scheduled_for ?? run.queued_at} />
      </td>
      <td>{triggerWord(run.trigger)}</td>
      <td className={classes.right}>
        <Duration
          startedAt={run.started_at}
          durationMs={run.duration_ms}
          running={isActive(run.status)}
        />
      </td>
      <td className={classes.right}>{count(run.rows_extracted)}</td>
      <td className={classes.right}>{count(run.rows_loaded)}</td>
      <td className={classes.right}>
        <Retries run={run} />
      </td>
      {several && (
        <td>
          {!selected && run.status !== 'skipped' && <CompareLink run={run} current={compared} />}
        </td>
      )}
      <td>
        <CutText>{error}</CutText>
      </td>
    </tr>
  );
}

/** How often its jobs were tried again. */
function Retries({ run }) {
  return run.retry_count > 0 ? formatCount(run.retry_count) : NOTHING;
}

function CompareLink({ run, current }) {
  return (
    <Link
      from="/pipelines/$pipelineId"
      to="/pipelines/$pipelineId"
      search={(search) => ({ ...search, compare: run.id })}
      data-compare={run.id}
      aria-label={`${current ? 'Compared' : 'Compare'} with the shown run, run ${run.id}`}
      aria-current={current ? 'true' : undefined}
      activeOptions={{ includeSearch: true }}
      className={classes.plainLink}
      replace
      resetScroll={false}
    >
      {current ? 'Compared' : 'Compare'}
    </Link>
  );
}
