import { Link } from '@tanstack/react-router';
import { ErrorPanel } from '../../ui/notices.jsx';

const BUSY = 'This pipeline already has a run under way';
const EXPLAINED = {
  422: 'The run was not started: its parameters are not complete',
};

/** What came of pressing “Run now”, where it did not simply start. */
export function TriggerOutcome({ trigger: { error } }) {
  if (!error) return null;
  // A pause is a conflict too, and names no run.
  const runId = error.status === 409 ? error.runId : null;
  const shown = {
    title: runId ? BUSY : (EXPLAINED[error.status] ?? error.title),
    detail: error.detail,
    hint: error.hint,
    errors: error.errors,
    requestId: error.requestId,
    retryAfterSeconds: error.retryAfterSeconds,
  };
  return (
    <ErrorPanel error={shown} tone={error.status === 409 ? 'warning' : 'failed'}>
      {runId && (
        <p>
          <Link
            from="/pipelines/$pipelineId"
            to="/pipelines/$pipelineId"
            search={({ dialog: _closed, ...search }) => ({ ...search, run: runId })}
          >
            Show the run that is under way
          </Link>
        </p>
      )}
    </ErrorPanel>
  );
}
