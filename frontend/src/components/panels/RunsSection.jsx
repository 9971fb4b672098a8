import { Tabs } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { formatCount } from '../../lib/format.js';
import { QueryState } from '../../ui/QueryState.jsx';
import { QuarantineTable } from '../tables/QuarantineTable.jsx';
import { RunsTable } from '../tables/RunsTable.jsx';

/** Below the graph: all runs, and the rows that the chosen run rejected when there are any. */
export function RunsSection({ pipelineId, query, runs, run, tab, hold }) {
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const rejected = run?.rows_rejected > 0;
  const shown = tab === 'rejected' && rejected ? 'rejected' : 'runs';
  return (
    <Tabs
      value={shown}
      onChange={(next) =>
        navigate({
          search: (old) => ({ ...old, tab: next === 'runs' ? undefined : next }),
          replace: true,
          resetScroll: false,
        })
      }
      keepMounted={false}
    >
      <Tabs.List mb="sm" aria-label="Runs and rejected rows">
        <Tabs.Tab value="runs">Runs</Tabs.Tab>
        {rejected && (
          <Tabs.Tab value="rejected">Rejected rows · {formatCount(run.rows_rejected)}</Tabs.Tab>
        )}
      </Tabs.List>
      <Tabs.Panel value="runs">
        <QueryState query={query} what="the runs" rows={4}>
          {() => <RunsTable query={query} runs={runs} selectedRun={run?.id} hold={hold} />}
        </QueryState>
      </Tabs.Panel>
      {rejected && (
        <Tabs.Panel value="rejected">
          <QuarantineTable pipelineId={pipelineId} run={run} />
        </Tabs.Panel>
      )}
    </Tabs>
  );
}
