import { useQuery } from '@tanstack/react-query';
import { POLL_IDLE_MS } from '../../api/queries.js';
import { systemQuery } from '../../api/schedules.js';
import { formatCount } from '../../lib/format.js';
import { workersText } from '../../lib/plugins.js';
import { Fact, Facts } from '../../ui/Facts.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';

/** What this host is and what it is at. */
export function HostFacts() {
  // Of the workers, and who leads, the host does not tell.
  const query = useQuery({ ...systemQuery, refetchInterval: POLL_IDLE_MS });
  return (
    <QueryState query={query} what="the host’s figures" rows={1} height={72}>
      {(system) => (
        <Facts label="Host">
          <Fact label="Version">{system.version}</Fact>
          <Fact label="Started">
            <Time value={system.started_at} />
          </Fact>
          <Fact label="Metadata database">
            <Database state={system.database.metadata} />
          </Fact>
          <Fact label="Warehouse">
            <Database state={system.database.warehouse} />
          </Fact>
          <Fact label="Workers">{workersText(system.workers)}</Fact>
          <Fact label="Pipelines">{formatCount(system.pipelines)}</Fact>
          <Fact label="Runs under way">{formatCount(system.active_runs)}</Fact>
          <Fact label="Tasks that wait">{formatCount(system.ready_tasks)}</Fact>
          <Fact label="Among its hosts">{system.leader ? 'Leads' : 'Follows'}</Fact>
        </Facts>
      )}
    </QueryState>
  );
}

function Database({ state }) {
  if (state.status !== 'ok') return <Status status="unavailable" variant="plain" />;
  return `PostgreSQL ${state.version}`;
}
