import '../../styles/xyflow.css';
import { ActionIcon, Button } from '@mantine/core';
import {
  Handle,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
} from '@xyflow/react';
import {
  createContext,
  memo,
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { edgesOf, neighbourOf, structureKey, topologicalOrder } from '../../lib/graph.js';
import { KEYS, presses } from '../../lib/keys.js';
import { describeState } from '../../lib/status.js';
import { IconMaximize, IconMinus, IconPlus } from '../../ui/icons.js';
import { JobType } from '../../ui/JobType.jsx';
import { Loading } from '../../ui/Loading.jsx';
import { ErrorPanel } from '../../ui/notices.jsx';
import { RejectedMark } from '../../ui/RejectedMark.jsx';
import { StatusIcon, toneClass } from '../../ui/Status.jsx';
import { Duration } from '../../ui/Time.jsx';
import { NODE_SIZE } from './nodeSize.js';
import classes from './PipelineDAG.module.css';
import { useInSlices } from './useInSlices.js';
import { useLayout } from './useLayout.js';
import {
  boundsOf,
  frameHeight,
  isWhole,
  openingView,
  wholeView,
  withInSight,
  withoutEmptyRoom,
} from './viewport.js';

const LOADING_HEIGHT = 140;
/** Above this many jobs, what is out of sight is not mounted. */
const MOUNT_ALL_LIMIT = 40;

const GraphContext = createContext(null);

/**
 * The jobs of a pipeline and what each needs, left to right, with every job's state as icon, word
 * and colour. One tab stop: arrow keys walk along the edges, Enter opens the job.
 */
export default function PipelineDAG({ jobs, selectedJob, onSelect }) {
  const { positions, error } = useLayout(jobs);
  if (error) {
    return (
      <ErrorPanel
        error={{ title: 'The graph could not be drawn', detail: error, hint: 'Use the list.' }}
      />
    );
  }
  if (!positions) return <Loading what="the graph" rows={1} height={LOADING_HEIGHT} />;
  return (
    <ReactFlowProvider>
      <Graph
        key={structureKey(jobs)}
        jobs={jobs}
        positions={positions}
        selectedJob={selectedJob}
        onSelect={onSelect}
      />
    </ReactFlowProvider>
  );
}

function Graph({ jobs, positions, selectedJob, onSelect }) {
  // Keyed by structure: the parts of `jobs` that nodes, edges and steps are made of do not change.
  const [structure] = useState(jobs);
  const shown = useInSlices(jobs);
  const byId = useMemo(() => new Map(shown.map((job) => [job.id, job])), [shown]);
  const order = useMemo(() => topologicalOrder(structure).map(({ id }) => id), [structure]);
  const [walked, setWalked] = useState(null);
  const tabStop = walked ?? selectedJob ?? order[0];
  const first = firstToShow(order, byId, selectedJob);
  const { frame, view } = useView({ positions, first, selectedJob, walked });
  const { show } = view;

  const walk = useCallback(
    (id, key) => {
      const next = neighbourOf(structure, positions, id, key);
      if (!next) return;
      setWalked(next);
      show(next);
      // The node may have been mounted only by the move.
      requestAnimationFrame(() =>
        frame.current?.querySelector(`[data-job="${CSS.escape(next)}"]`)?.focus(),
      );
    },
    [frame, show, structure, positions],
  );

  // The page gives another function each time; the boxes need not be drawn again for that.
  const latestSelect = useRef(onSelect);
  useEffect(() => {
    latestSelect.current = onSelect;
  });
  const select = useCallback((id) => latestSelect.current(id), []);

  const shared = useMemo(
    () => ({
      byId,
      selectedJob,
      tabStop,
      select,
      walk,
    }),
    [byId, selectedJob, tabStop, select, walk],
  );

  return (
    <GraphContext value={shared}>
      <div
        ref={frame}
        className={classes.frame}
        role="group"
        aria-label={`Graph of ${jobs.length} jobs. Arrow keys walk along it, Enter opens a job.`}
      >
        <Canvas jobs={structure} positions={positions} selectedJob={selectedJob} view={view} />
        <span className={classes.hint} aria-hidden="true">
          Arrow keys walk · Enter opens · Esc closes
        </span>
        <Controls view={view} positions={positions} />
      </div>
    </GraphContext>
  );
}

/**
 * The jobs and edges by their structure alone: a change of state reaches the boxes that show it, and
 * nothing of what holds them, which costs more than a frame where there are many.
 */
const Canvas = memo(function Canvas({ jobs, positions, selectedJob, view }) {
  const nodes = useMemo(() => jobs.map((job) => toNode(job, positions)), [jobs, positions]);
  const edges = useMemo(
    () =>
      edgesOf(jobs).map((edge) => ({
        ...edge,
        className: [edge.source, edge.target].includes(selectedJob) ? 'highlighted' : undefined,
      })),
    [jobs, selectedJob],
  );
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      deleteKeyCode={null}
      zoomOnScroll={false}
      preventScrolling={false}
      onlyRenderVisibleElements={jobs.length > MOUNT_ALL_LIMIT}
      minZoom={0.1}
      maxZoom={1.5}
      onInit={view.open}
      onMoveStart={(event) => {
        // Moves that the page makes itself come without an event.
        if (event) view.noteMove();
      }}
      proOptions={PRO_OPTIONS}
    />
  );
});

const PRO_OPTIONS = { hideAttribution: true };

function Controls({ view, positions }) {
  const flow = useReactFlow();
  const bounds = useMemo(() => boundsOf(positions), [positions]);
  // Before the frame is measured nothing is known to be out of sight.
  const isPart = useStore(
    ({ transform: [x, y, zoom], width, height }) =>
      width > 0 && !isWhole({ x, y, zoom }, { width, height }, bounds),
  );
  const buttons = [
    { label: 'Zoom in', icon: IconPlus, action: () => flow.zoomIn() },
    { label: 'Zoom out', icon: IconMinus, action: () => flow.zoomOut() },
  ];
  return (
    <div className={classes.controls}>
      {buttons.map(({ label, icon: Icon, action }) => (
        <ActionIcon
          key={label}
          variant="subtle"
          color="gray"
          size={28}
          aria-label={label}
          title={label}
          onClick={() => {
            view.noteMove();
            action();
          }}
        >
          <Icon size={15} aria-hidden="true" />
        </ActionIcon>
      ))}
      <Button
        variant="subtle"
        color="gray"
        className={classes.whole}
        aria-label="Show the whole graph"
        title="Show the whole graph"
        leftSection={isPart && <IconMaximize size={15} aria-hidden="true" />}
        onClick={() => {
          view.noteMove();
          view.showAll();
        }}
      >
        {isPart ? 'Whole graph' : <IconMaximize size={15} aria-hidden="true" />}
      </Button>
    </div>
  );
}

const JobNode = memo(function JobNode({ id }) {
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <JobState id={id} />
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
});

/** All that is drawn again with each change of any job; see JobBox. */
function JobState({ id }) {
  const { byId, selectedJob, tabStop, select, walk } = useContext(GraphContext);
  const job = byId.get(id);
  return (
    <JobBox
      id={id}
      name={job.name ?? id}
      type={job.type}
      status={job.status}
      startedAt={job.started_at}
      durationMs={job.duration_ms}
      rowsRejected={job.rows_rejected}
      selected={id === selectedJob}
      tabbable={id === tabStop}
      onSelect={select}
      walk={walk}
    />
  );
}

/** Takes plain values, so that a job whose state did not change is not drawn again. */
const JobBox = memo(function JobBox(props) {
  const { id, name, type, status, startedAt, durationMs, rowsRejected } = props;
  const { selected, tabbable, onSelect, walk } = props;
  const state = describeState(status);
  const timed = status === 'running' || Number.isFinite(durationMs);
  return (
    <button
      type="button"
      data-job={id}
      data-status={state.status}
      className={`${classes.node} ${toneClass(state.tone)} nopan`}
      tabIndex={tabbable ? 0 : -1}
      aria-pressed={selected}
      title={name}
      onClick={() => onSelect(id)}
      onKeyDown={(event) => {
        if (!presses(KEYS.walk, event)) return;
        event.preventDefault();
        walk(id, event.key);
      }}
    >
      <StatusIcon status={status} size={20} />
      <span className={classes.nodeText}>
        <span className={`${classes.nodeName} truncate`}>{name}</span>{' '}
        <span className={classes.nodeFacts}>
          <span className="truncate">
            <span className={classes.nodeState}>{state.word}</span>
            {timed && (
              <>
                {' · '}
                <Duration
                  startedAt={startedAt}
                  durationMs={durationMs}
                  running={status === 'running'}
                />
              </>
            )}
          </span>{' '}
          <RejectedMark count={rowsRejected} short />{' '}
          <JobType type={type} className={classes.nodeType} />
        </span>
      </span>
    </button>
  );
});

const NODE_TYPES = { job: JobNode };

function toNode(job, positions) {
  return { id: job.id, type: 'job', position: positions[job.id], data: {}, ...NODE_SIZE };
}

/** The job a reader looks for first, of the ids in `order`. */
function firstToShow(order, byId, selectedJob) {
  const inState = (status) => order.find((id) => byId.get(id).status === status);
  return byId.has(selectedJob)
    ? selectedJob
    : (inState('failed') ?? inState('running') ?? order[0]);
}

const sizeOf = (element) => ({ width: element.clientWidth, height: element.clientHeight });

/**
 * Which part of the graph is in the frame, and how high the frame is. It opens once, on the whole
 * graph or on the work. From then on the scale is the reader's: a job that is opened or walked to
 * is moved into sight, never zoomed to.
 */
function useView({ positions, first, selectedJob, walked }) {
  const flow = useReactFlow();
  const frame = useRef(null);
  const bounds = useMemo(() => boundsOf(positions), [positions]);
  const moved = useRef(false);
  const opened = useRef(false);
  useLayoutEffect(() => {
    const width = frame.current.clientWidth || Infinity;
    frame.current.style.height = `${frameHeight(width, bounds)}px`;
  }, [frame, bounds]);

  const actions = useMemo(() => {
    // The graph tells that it is ready a moment later, when the page may have left it already.
    const set = (change) => {
      if (frame.current) flow.setViewport(change(flow.getViewport(), sizeOf(frame.current)));
    };
    return {
      showAll: () => set((_view, room) => wholeView(room, bounds)),
      show: (id) => set((view, room) => withInSight(view, room, positions[id])),
      settle: () => set((view, room) => withoutEmptyRoom(view, room, bounds)),
      openOn: (id) => set((_view, room) => openingView(room, bounds, positions[id])),
      noteMove: () => {
        moved.current = true;
      },
    };
  }, [flow, frame, bounds, positions]);

  const latestFirst = useRef(first);
  useEffect(() => {
    latestFirst.current = first;
  });
  const open = useCallback(() => {
    opened.current = true;
    actions.openOn(latestFirst.current);
  }, [actions]);
  useEffect(() => {
    if (opened.current && positions[selectedJob]) actions.show(selectedJob);
  }, [actions, positions, selectedJob]);
  const widthJob = useRef(selectedJob);
  useFrameWidth(frame, () => {
    const byAJob = widthJob.current !== selectedJob;
    widthJob.current = selectedJob;
    const seen = selectedJob ?? walked;
    if (!byAJob && !moved.current && !walked) {
      open();
      return;
    }
    if (!moved.current) actions.settle();
    if (positions[seen]) actions.show(seen);
  });
  const view = useMemo(() => ({ ...actions, open }), [actions, open]);
  return { frame, view };
}

/** Calls `onChange` when the frame becomes wider or narrower, as when a job opens beside it. */
function useFrameWidth(frame, onChange) {
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => {
    let width = frame.current.clientWidth;
    const observer = new ResizeObserver(() => {
      if (!frame.current || frame.current.clientWidth === width) return;
      width = frame.current.clientWidth;
      latest.current();
    });
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, [frame]);
}
