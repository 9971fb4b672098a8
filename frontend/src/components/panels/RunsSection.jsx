import { Tabs } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { formatCount } from '../../lib/format.js';
import { Loading } from '../../ui/Loading.jsx';
import { EmptyState } from '../../ui/notices.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { QuarantineTable } from '../tables/QuarantineTable.jsx';
import { RunsTable } from '../tables/RunsTable.jsx';

const PipelineSettingsForm = lazy(() =>
  import('../forms/PipelineSettingsForm.jsx').then((module) => ({
    default: module.PipelineSettingsForm,
  })),
);

/** Below the graph: all runs, the rows that the chosen run rejected, the pipeline's settings. */
export function RunsSection({ pipelineId, query, runs, run, tab, hold }) {
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const rejected = run?.rows_rejected ?? 0;
  return (
    <Tabs
      value={tab ?? 'runs'}
      onChange={(next) =>
        navigate({
          search: (old) => ({ ...old, tab: next === 'runs' ? undefined : next }),
          replace: true,
          resetScroll: false,
        })
      }
      keepMounted={false}
    >
      <Tabs.List mb="sm" aria-label="Runs, rejected rows and settings">
        <Tabs.Tab value="runs">Runs</Tabs.Tab>
        <Tabs.Tab value="rejected">
          Rejected rows{rejected > 0 && ` · ${formatCount(rejected)}`}
        </Tabs.Tab>
        <Tabs.Tab value="settings">Settings</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="runs">
        <QueryState query={query} what="the runs" rows={4}>
          {() => <RunsTable query={query} runs={runs} selectedRun={run?.id} hold={hold} />}
        </QueryState>
      </Tabs.Panel>
      <Tabs.Panel value="rejected">
        {rejected > 0 ? (
          <QuarantineTable pipelineId={pipelineId} run={run} />
        ) : (
          <EmptyState title="No rejected rows">
            Rows that do not fit their columns or break a rule are kept here, with the reason. The
            shown run has none.
          </EmptyState>
        )}
      </Tabs.Panel>
      <Tabs.Panel value="settings">
        <Suspense fallback={<Loading what="the settings" rows={4} />}>
          <PipelineSettingsForm pipelineId={pipelineId} />
        </Suspense>
      </Tabs.Panel>
    </Tabs>
  );
}
