import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { formatCount } from '../../lib/format.js';
import { drawDecision } from '../../lib/graph.js';
import { countByState } from '../../lib/runs.js';
import { describeState, PIPELINE_STATES } from '../../lib/status.js';
import { Loading } from '../../ui/Loading.jsx';
import { Notice } from '../../ui/notices.jsx';
import { StatusIcon } from '../../ui/Status.jsx';
import { JobsTable } from '../tables/JobsTable.jsx';
import classes from './JobsSection.module.css';

const PipelineDAG = lazy(() => import('../charts/PipelineDAG.jsx'));
const RunTimeline = lazy(() =>
  import('../charts/RunTimeline.jsx').then((module) => ({ default: module.RunTimeline })),
);

const VIEWS = [
  { value: 'graph', label: 'Graph' },
  { value: 'list', label: 'List' },
  { value: 'timeline', label: 'Timeline' },
];

/** The graph would be unreadably small below this width; the list comes first there. */
const TOO_NARROW = '(max-width: 640px)';

/** The jobs of a run, as graph, list or timeline; the address keeps which. */
export function JobsSection({ run, jobs, selectedJob, view, onSelect }) {
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const narrow = useMediaQuery(TOO_NARROW, undefined, { getInitialValueInEffect: false });
  const decision = useMemo(() => drawDecision(jobs), [jobs]);
  const preferred = decision === 'draw' && !narrow ? 'graph' : 'list';
  const shown = decision === 'refuse' && view === 'graph' ? 'list' : (view ?? preferred);
  const views = VIEWS.filter(({ value }) => value !== 'graph' || decision !== 'refuse');
  return (
    <section aria-label="Jobs">
      <div className={classes.head}>
        <div className={classes.left}>
          <h2>Jobs</h2>
          <StateCounts jobs={jobs} />
        </div>
        <SegmentedControl
          size="xs"
          aria-label="Show jobs as"
          value={shown}
          onChange={(next) =>
            navigate({
              search: (old) => ({ ...old, view: next }),
              replace: true,
              resetScroll: false,
            })
          }
          data={views}
        />
      </div>
      {decision === 'refuse' && (
        <div className={classes.note}>
          <Notice tone="running">
            <p>
              These {formatCount(jobs.length)} jobs are too many for a readable graph, so they stand
              in a list.
            </p>
          </Notice>
        </div>
      )}
      {shown === 'timeline' && (
        <Suspense fallback={<Loading what="the timeline" rows={1} height={200} />}>
          <RunTimeline run={run} jobs={jobs} selectedJob={selectedJob} />
        </Suspense>
      )}
      {shown === 'graph' && (
        <Suspense fallback={<Loading what="the graph" rows={1} height={200} />}>
          <PipelineDAG jobs={jobs} selectedJob={selectedJob} onSelect={onSelect} />
        </Suspense>
      )}
      {shown === 'list' && <JobsTable jobs={jobs} selectedJob={selectedJob} />}
    </section>
  );
}

function StateCounts({ jobs }) {
  return countByState(jobs, PIPELINE_STATES).map(([status, count]) => (
    <span key={status} className={classes.left} style={{ gap: 5 }}>
      <StatusIcon status={status} size={14} />
      <span className="muted numeric">
        {formatCount(count)} {describeState(status).word.toLowerCase()}
      </span>
    </span>
  ));
}
