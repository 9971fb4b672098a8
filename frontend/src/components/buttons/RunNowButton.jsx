import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.js';
import { IconPlayerPlay } from '../../ui/icons.js';

/** Starts a run, at once or (`asks`) by way of a dialog, where that is possible and allowed. */
export function RunNowButton({ trigger, offered, asks, onAsk }) {
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
      <Button
        leftSection={<IconPlayerPlay size={16} aria-hidden="true" />}
        loading={!asks && trigger.isPending}
        aria-haspopup={asks ? 'dialog' : undefined}
        onClick={asks ? onAsk : () => trigger.mutate({})}
      >
        {asks ? 'Run…' : 'Run now'}
      </Button>
    </>
  );
}
