import { useMediaQuery, useWindowEvent } from '@mantine/hooks';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import { pipelineQuery, runQuery, runsQuery, sessionQuery, useTrigger } from '../../api/queries.js';
import { BackfillButton } from '../../components/buttons/BackfillButton.jsx';
import { RunNowButton } from '../../components/buttons/RunNowButton.jsx';
import {
  BrokenPipelineFiles,
  RemovedPipelineFile,
} from '../../components/panels/BrokenPipelineFiles.jsx';
import { JobDetailPanel } from '../../components/panels/JobDetailPanel.jsx';
import { JobsSection } from '../../components/panels/JobsSection.jsx';
import { HostPause, PipelinePause } from '../../components/panels/PauseNotice.jsx';
import { RunsSection } from '../../components/panels/RunsSection.jsx';
import { RunSummary } from '../../components/panels/RunSummary.jsx';
import { TriggerOutcome } from '../../components/panels/TriggerOutcome.jsx';
import { formatAmount } from '../../lib/format.js';
import { KEYS, presses } from '../../lib/keys.js';
import { paramFields } from '../../lib/params.js';
import { jobsOfRun, newestRun, runUnderWay } from '../../lib/runs.js';
import { describeSchedule, scheduleZone } from '../../lib/schedule.js';
import { pipelineState } from '../../lib/status.js';
import { LateDrawer } from '../../ui/LateDrawer.jsx';
import { ErrorPanel, Notice } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './DataPipelineManager.module.css';

const TriggerPipelineModal = lazy(() =>
  import('../../components/modals/TriggerPipelineModal.jsx').then((module) => ({
    default: module.TriggerPipelineModal,
  })),
);

const NARROW = '(max-width: 1100px)';

/** One pipeline: its graph as the chosen run saw it, the job at the side, its runs below. */
export function PipelinePage() {
  const { pipelineId } = useParams({ from: '/app/pipelines/$pipelineId' });
  const query = useQuery(pipelineQuery(pipelineId));
  return (
    <>
      <div className={classes.crumb}>
        <Link to="/pipelines" activeOptions={{ exact: true }}>
          Pipelines
        </Link>
      </div>
      {query.data ? (
        <Pipeline key={pipelineId} pipeline={query.data} />
      ) : (
        <>
          <PageHead title={pipelineId} />
          <QueryState query={query} what="the pipeline" rows={2} height={200}>
            {() => null}
          </QueryState>
        </>
      )}
    </>
  );
}

/** The run the address names, else the newest; what the list knows of it until it has come itself. */
function useChosenRun({ id: pipelineId, last_run: last }, runId) {
  const runsList = useInfiniteQuery(runsQuery(pipelineId));
  const runs = useMemo(
    () => runsList.data?.pages.flatMap((page) => page.items) ?? [],
    [runsList.data],
  );
  // A run that has just begun may be in the list before the pipeline tells of it, or behind.
  const newest = runsList.data ? newestRun(runs, last) : null;
  const chosenId = runId ?? newest?.id;
  const query = useQuery({ ...runQuery(chosenId), enabled: Boolean(chosenId) });
  const run = query.data ?? runs.find(({ id }) => id === chosenId) ?? null;
  if (run && run.pipeline_id !== pipelineId) {
    return { runsList, runs, newest, run: null, error: strangerError(run) };
  }
  return { runsList, runs, newest, run, error: run ? null : query.error };
}

function strangerError(run) {
  return {
    title: 'That run is not one of this pipeline',
    detail: `Run ${run.id} belongs to the pipeline “${run.pipeline_id}”.`,
    hint: 'Choose a run below, or open that pipeline.',
  };
}

function Pipeline({ pipeline }) {
  const search = useSearch({ from: '/app/pipelines/$pipelineId' });
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const { data: user } = useQuery(sessionQuery);
  const trigger = useTrigger(pipeline.id);
  const chosen = useChosenRun(pipeline, search.run);
  const jobs = useMemo(
    () => jobsOfRun(pipeline.jobs ?? [], chosen.run),
    [pipeline.jobs, chosen.run],
  );
  const [focusPanel, setFocusPanel] = useState(false);
  const [backfill, setBackfill] = useState(null);
  const job = jobs.find(({ id }) => id === search.job);

  const openJob = useCallback(
    (id) => {
      setFocusPanel(true);
      navigate({ search: (old) => ({ ...old, job: id }), resetScroll: false });
    },
    [navigate],
  );
  const closeJob = useCallback(() => {
    navigate({ search: ({ job: _closed, find: _found, ...rest }) => rest, resetScroll: false });
    document.querySelector('[data-job][tabindex="0"]')?.focus();
  }, [navigate]);

  const start = {
    ...trigger,
    mutate: (params) =>
      trigger.mutate(params, {
        onSuccess: ({ run_id: run }) =>
          navigate({
            search: ({ dialog: _closed, ...old }) => ({ ...old, run }),
            replace: true,
            resetScroll: false,
          }),
      }),
  };
  const asks = paramFields(pipeline.params_schema).length > 0;
  const mayRun = user && user.role !== 'viewer' && !(pipeline.errors?.length > 0);
  const asking = asks && mayRun && search.dialog === 'run';
  const ask = () => navigate({ search: (old) => ({ ...old, dialog: 'run' }), resetScroll: false });
  const stopAsking = () => {
    trigger.reset();
    navigate({ search: ({ dialog: _closed, ...rest }) => rest, resetScroll: false });
  };
  const panel = job && {
    job,
    jobs,
    runId: chosen.run?.id,
    onClose: closeJob,
    takeFocus: focusPanel,
  };

  return (
    <>
      <PipelineHead
        pipeline={pipeline}
        trigger={start}
        asks={asks}
        onAsk={ask}
        underWay={runUnderWay(chosen.runs)}
        onBackfill={setBackfill}
      />
      {asking && (
        <Suspense fallback={null}>
          <TriggerPipelineModal
            pipeline={pipeline}
            last={pipeline.last_run?.params ?? null}
            trigger={start}
            onClose={stopAsking}
          />
        </Suspense>
      )}
      <JobSplit panel={panel}>
        <HostPause />
        <PipelinePause pipeline={pipeline} />
        {!asking && <TriggerOutcome trigger={trigger} />}
        {backfill && search.tab === 'backfills' && <BackfillBegun backfill={backfill} />}
        <BrokenPipelineFiles pipelines={[pipeline]} />
        <RemovedPipelineFile pipeline={pipeline} />
        {chosen.error && <ErrorPanel error={chosen.error} />}
        <OlderRunNote run={chosen.run} newest={chosen.newest} />
        {chosen.run && <RunSummary run={chosen.run} />}
        {jobs.length > 0 && (
          <JobsSection
            run={chosen.run}
            jobs={jobs}
            selectedJob={search.job}
            view={search.view}
            onSelect={openJob}
          />
        )}
        <RunsSection
          pipeline={pipeline}
          query={chosen.runsList}
          runs={chosen.runs}
          run={chosen.run}
          tab={search.tab}
          compare={search.compare}
          hold={Boolean(search.run)}
        />
      </JobSplit>
    </>
  );
}

function PipelineHead({ pipeline, trigger, asks, onAsk, onBackfill, underWay }) {
  const broken = pipeline.errors?.length > 0;
  const words = describeSchedule(pipeline.schedule);
  return (
    <PageHead
      title={pipeline.name || pipeline.id}
      state={<Status status={pipelineState(pipeline)} />}
      facts={
        <>
          {pipeline.name && pipeline.name !== pipeline.id && <code>{pipeline.id}</code>}
          {pipeline.schedule ? (
            <span title={`${pipeline.schedule} ${pipeline.timezone ?? 'UTC'}`}>
              {words ?? <code>{pipeline.schedule}</code>} {scheduleZone(pipeline)}
            </span>
          ) : (
            <span>{broken ? 'Schedule not known: the file has errors' : 'No schedule'}</span>
          )}
          {pipeline.next_run_at && pipeline.enabled && (
            <span>
              Next run <Time value={pipeline.next_run_at} />
            </span>
          )}
          {pipeline.description && <span>{pipeline.description}</span>}
        </>
      }
      actions={
        <>
          <BackfillButton pipeline={pipeline} onStarted={onBackfill} />
          <RunNowButton
            trigger={trigger}
            offered={!broken}
            asks={asks}
            onAsk={onAsk}
            underWay={underWay}
          />
        </>
      }
    />
  );
}

function BackfillBegun({ backfill }) {
  return (
    <Notice tone="running" title="The backfill has begun" role="status">
      <p>
        {formatAmount(backfill.runs, 'run')}, one after the other. How far they are stands below,
        under “Backfills”.
      </p>
    </Notice>
  );
}

function OlderRunNote({ run, newest }) {
  if (!run || !newest || run.id === newest.id) return null;
  return (
    <div className={classes.older}>
      <span>
        {run.status === 'skipped' ? (
          'You are looking at what did not run.'
        ) : (
          <>
            You are looking at an older run, <code>{run.id}</code>.
          </>
        )}
      </span>
      <Link
        from="/pipelines/$pipelineId"
        to="/pipelines/$pipelineId"
        search={({ run: _older, ...rest }) => rest}
        resetScroll={false}
      >
        Show the newest run
      </Link>
    </div>
  );
}

/** The page, with the opened job beside it, or over it where there is no room beside. */
function JobSplit({ panel, children }) {
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false });
  useWindowEvent('keydown', (event) => {
    if (presses(KEYS.closeJob, event) && panel && !narrow && !event.defaultPrevented) {
      panel.onClose();
    }
  });
  const beside = panel && !narrow;
  return (
    <div className={beside ? classes.split : undefined}>
      <div className={classes.stack}>{children}</div>
      {beside && (
        <div className={classes.aside}>
          <JobDetailPanel key={panel.job.id} {...panel} />
        </div>
      )}
      <LateDrawer
        opened={Boolean(panel && narrow)}
        onClose={() => panel?.onClose()}
        position="right"
        size="min(560px, 100vw)"
        title="Job"
        body={classes.drawerBody}
      >
        {panel && <JobDetailPanel key={panel.job.id} {...panel} covering />}
      </LateDrawer>
    </div>
  );
}
