import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sessionQuery, useRunAction } from '../../api/queries.js';
import { isActive } from '../../lib/status.js';
import { useKeepFocus } from '../../lib/useKeepFocus.js';
import { IconBan, IconReload } from '../../ui/icons.js';
import { ErrorPanel } from '../../ui/notices.jsx';
import classes from './RunActions.module.css';

/** Stops a run that is under way, or tries again what did not succeed of one that is over. */
export function RunActions({ run }) {
  const { data: user } = useQuery(sessionQuery);
  const cancel = useRunAction(run.id, 'cancel');
  const retry = useRunAction(run.id, 'retry');
  const keepFocus = useKeepFocus();
  if (!user || user.role === 'viewer') return null;
  const error = cancel.error ?? retry.error;
  const mayRetry = run.status === 'failed' || run.status === 'cancelled';
  if (!isActive(run.status) && !mayRetry && !error) return null;
  return (
    <div className={classes.actions} {...keepFocus}>
      <span className="visually-hidden" role="status">
        {cancel.isSuccess && isActive(run.status) && 'The run is being stopped.'}
        {retry.isSuccess && isActive(run.status) && 'The run goes on.'}
      </span>
      {isActive(run.status) && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconBan size={14} aria-hidden="true" />}
          loading={cancel.isPending || cancel.isSuccess}
          onClick={() => {
            retry.reset();
            cancel.mutate();
          }}
        >
          Stop the run
        </Button>
      )}
      {mayRetry && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconReload size={14} aria-hidden="true" />}
          loading={retry.isPending}
          onClick={() => {
            cancel.reset();
            retry.mutate();
          }}
        >
          Try again from where it stopped
        </Button>
      )}
      {error && (
        <div className={classes.error}>
          <ErrorPanel error={error} />
        </div>
      )}
    </div>
  );
}
