import { Link } from '@tanstack/react-router';
import { ErrorPanel } from '../../ui/notices.jsx';

const EXPLAINED = {
  409: 'This pipeline already has a run under way',
  422: 'The run was not started: its parameters are not complete',
};

/** What came of pressing “Run now”, where it did not simply start. */
export function TriggerOutcome({ trigger: { error } }) {
  if (!error) return null;
  const shown = {
    title: EXPLAINED[error.status] ?? error.title,
    detail: error.detail,
    hint: error.hint,
    errors: error.errors,
    requestId: error.requestId,
    retryAfterSeconds: error.retryAfterSeconds,
  };
  const runId = error.status === 409 ? error.runId : null;
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
