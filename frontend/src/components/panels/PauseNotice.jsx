import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sessionQuery, useChangeSettings } from '../../api/queries.js';
import { systemQuery } from '../../api/schedules.js';
import { ErrorPanel, Notice } from '../../ui/notices.jsx';
import { Time } from '../../ui/Time.jsx';

/** That all of the host is paused, since when, and what ends it. */
export function HostPause() {
  const { data: system } = useQuery(systemQuery);
  if (!system?.paused) return null;
  return (
    <Notice tone="paused" title="All pipelines are paused" role="status">
      <p>
        Since <Time value={system.paused_at} format="absolute" />. What was under way ends; nothing
        new begins, by schedule or by hand.
      </p>
      <p className="muted">
        <code>headgate resume</code> on the host ends the pause.
      </p>
    </Notice>
  );
}

/** That one pipeline is paused, and the switch that ends it for those who may use it. */
export function PipelinePause({ pipeline }) {
  const { data: user } = useQuery(sessionQuery);
  const change = useChangeSettings(pipeline.id);
  if (pipeline.enabled || pipeline.errors?.length > 0) return null;
  return (
    <Notice tone="paused" title="This pipeline is paused">
      <p>Its schedule starts nothing. It can still be run by hand.</p>
      {change.error && <ErrorPanel error={change.error} />}
      {user?.role === 'admin' && (
        <p>
          <Button
            variant="default"
            size="xs"
            loading={change.isPending}
            onClick={() => change.mutate({ patch: { enabled: true } })}
          >
            Resume the schedule
          </Button>
        </p>
      )}
    </Notice>
  );
}
