import { Tabs } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { formatCount } from '../../lib/format.js';
import { Loading } from '../../ui/Loading.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { RunsTable } from '../tables/RunsTable.jsx';

const PipelineSettingsForm = lazy(() =>
  import('../forms/PipelineSettingsForm.jsx').then((module) => ({
    default: module.PipelineSettingsForm,
  })),
);

const BackfillsTable = lazy(() =>
  import('../tables/BackfillsTable.jsx').then((module) => ({ default: module.BackfillsTable })),
);

const RunComparison = lazy(() =>
  import('./RunComparison.jsx').then((module) => ({ default: module.RunComparison })),
);

const RejectedRows = lazy(() =>
  import('./RejectedRows.jsx').then((module) => ({ default: module.RejectedRows })),
);

/** Below the graph: all runs, the rows that the chosen run rejected, the pipeline's settings. */
export function RunsSection({ pipeline, query, runs, run, tab, hold, compare }) {
  const { id: pipelineId } = pipeline;
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
      <Tabs.List mb="sm" aria-label="Runs, rejected rows, backfills and settings">
        <Tabs.Tab value="runs">Runs</Tabs.Tab>
        <Tabs.Tab value="rejected">
          Rejected rows{rejected > 0 && ` · ${formatCount(rejected)}`}
        </Tabs.Tab>
        <Tabs.Tab value="backfills">Backfills</Tabs.Tab>
        <Tabs.Tab value="settings">Settings</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="runs">
        <QueryState query={query} what="the runs" rows={4}>
          {() => (
            <>
              {run && compare && compare !== run.id && (
                <Suspense fallback={<Loading what="the comparison" rows={4} />}>
                  <RunComparison run={run} otherId={compare} />
                </Suspense>
              )}
              <RunsTable
                query={query}
                runs={runs}
                selectedRun={run?.id}
                hold={hold}
                comparedRun={compare}
              />
            </>
          )}
        </QueryState>
      </Tabs.Panel>
      <Tabs.Panel value="rejected">
        <Suspense fallback={<Loading what="the rejected rows" rows={4} />}>
          <RejectedRows pipelineId={pipelineId} run={run} runs={runs} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="backfills">
        <Suspense fallback={<Loading what="the backfills" rows={3} />}>
          <BackfillsTable pipelineId={pipelineId} scheduled={Boolean(pipeline.schedule)} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="settings">
        <Suspense fallback={<Loading what="the settings" rows={4} />}>
          <PipelineSettingsForm pipelineId={pipelineId} />
        </Suspense>
      </Tabs.Panel>
    </Tabs>
  );
}
