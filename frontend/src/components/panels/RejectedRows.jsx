import { NativeSelect } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { formatAbsolute, formatAmount } from '../../lib/format.js';
import { describeState } from '../../lib/status.js';
import { useZone } from '../../lib/zone.js';
import { EmptyState } from '../../ui/notices.jsx';
import { QuarantineTable } from '../tables/QuarantineTable.jsx';
import classes from './RejectedRows.module.css';

/** The rows that the shown run turned away, which run that is, and the way to another one's. */
export function RejectedRows({ pipelineId, run, runs }) {
  if (!run) {
    return (
      <EmptyState title="No rejected rows">
        Rows that do not fit their columns or break a rule are kept here, with the reason, once the
        pipeline has run.
      </EmptyState>
    );
  }
  return (
    <>
      <RunChoice run={run} runs={runs} />
      {run.rows_rejected > 0 ? (
        <QuarantineTable pipelineId={pipelineId} run={run} />
      ) : (
        <EmptyState title="This run rejected no rows">
          Rows that do not fit their columns or break a rule are kept here, with the reason. The
          shown run has none.
        </EmptyState>
      )}
    </>
  );
}

/** Runs that rejected rows, and the shown one: choosing shows that run everywhere on the page. */
function RunChoice({ run, runs }) {
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const zone = useZone();
  const others = runs.filter(({ id, rows_rejected: count }) => id !== run.id && count > 0);
  const known = runs.some(({ id }) => id === run.id);
  const offered = known
    ? runs.filter((one) => one.id === run.id || others.includes(one))
    : [run, ...others];
  const label = (one) =>
    [
      formatAbsolute(one.started_at ?? one.scheduled_for ?? one.queued_at, zone),
      one.rows_rejected > 0 ? formatAmount(one.rows_rejected, 'rejected row') : 'none rejected',
      describeState(one.status).word,
    ].join(' · ');
  return (
    <div className={classes.choice}>
      <NativeSelect
        label="Rows rejected by the run"
        value={run.id}
        data={offered.map((one) => ({ value: one.id, label: label(one) }))}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          navigate({
            search: (old) => ({ ...old, run: chosen }),
            replace: true,
            resetScroll: false,
          });
        }}
      />
      {others.length === 0 && <p className="muted">No other run in the list rejected rows.</p>}
    </div>
  );
}
