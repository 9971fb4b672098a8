import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useId } from 'react';
import { sessionQuery } from '../../api/queries.js';
import { IconPlayerPlay } from '../../ui/icons.js';
import classes from './RunActions.module.css';

/**
 * Starts a run, at once or (`asks`) by way of a dialog, where that is possible and allowed. While
 * `underWay`, a run, is not over it does nothing and says why: the host would refuse another.
 */
export function RunNowButton({ trigger, offered, asks, onAsk, underWay }) {
  const why = useId();
  const { data: user } = useQuery(sessionQuery);
  if (user?.role === 'viewer') {
    return <span className="muted">Your role “viewer” may not start runs.</span>;
  }
  if (!offered) return null;
  return (
    <>
      <span className="visually-hidden" role="status">
        {trigger.isSuccess && 'The run has been queued.'}
      </span>
      {underWay && <UnderWay id={why} run={underWay} />}
      <Button
        // Not disabled: whoever stands on it stays there, and hears why.
        data-disabled={Boolean(underWay) || undefined}
        aria-disabled={Boolean(underWay) || undefined}
        aria-describedby={underWay ? why : undefined}
        leftSection={<IconPlayerPlay size={16} aria-hidden="true" />}
        loading={!asks && trigger.isPending}
        aria-haspopup={asks ? 'dialog' : undefined}
        onClick={underWay ? undefined : asks ? onAsk : () => trigger.mutate({})}
      >
        {asks ? 'Run…' : 'Run now'}
      </Button>
    </>
  );
}

function UnderWay({ id, run }) {
  return (
    <span id={id} className={classes.underWay}>
      <span className="muted">A run is {run.status === 'queued' ? 'waiting' : 'under way'}:</span>{' '}
      <Link
        from="/pipelines/$pipelineId"
        to="/pipelines/$pipelineId"
        search={({ dialog: _closed, ...search }) => ({ ...search, run: run.id })}
        aria-current={undefined}
        resetScroll={false}
      >
        show it
      </Link>
    </span>
  );
}
