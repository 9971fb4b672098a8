import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.js';
import { IconPlayerPlay } from '../../ui/icons.js';

/** Starts a run at once, where that is possible and the user may do it. */
export function RunNowButton({ trigger, offered }) {
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
        loading={trigger.isPending}
        onClick={() => trigger.mutate()}
      >
        Run now
      </Button>
    </>
  );
}
