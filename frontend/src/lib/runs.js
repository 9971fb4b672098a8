import { isActive } from './status.js';

/**
 * The pipeline's jobs as one run saw them: the graph's shape comes from the pipeline, the states
 * and counts from the run. Without a run each job shows its own last state. A job that the run has
 * but the pipeline no longer has stands at the end, without needs.
 */
export function jobsOfRun(pipelineJobs, run) {
  const inRun = new Map((run?.jobs ?? []).map((job) => [job.id, job]));
  const known = pipelineJobs.map((job) => {
    const seen = inRun.get(job.id);
    if (seen) return { ...job, ...seen, name: job.name, type: job.type, inRun: true };
    if (!run) return { ...job, inRun: false };
    // What the job knows of is another run.
    const unknown = { last_run_at: null, duration_ms: null, attempts: null };
    return { ...job, ...unknown, status: statusWithout(run), inRun: false };
  });
  const ids = new Set(pipelineJobs.map((job) => job.id));
  const gone = (run?.jobs ?? [])
    .filter((job) => !ids.has(job.id))
    .map((job) => ({ needs: [], ...job, inRun: true, removed: true }));
  return [...known, ...gone];
}

/** How a job stands that a run knows nothing of: a run that was skipped has no jobs at all. */
const statusWithout = (run) => (run.status === 'skipped' ? 'skipped' : 'unknown');

/**
 * The newest run that ran or will: times that were skipped or missed stand among the runs, and say
 * nothing of how the pipeline is. `last`: the host's own word for it, where the list has none yet.
 */
export function newestRun(runs, last = null) {
  if (runs.length === 0) return null;
  return runs.find(({ status }) => status !== 'skipped') ?? last ?? runs[0];
}

/** The run because of which the host would refuse another one, or null. Backfills have a lane of their own. */
export function runUnderWay(runs) {
  return runs.find(({ status, trigger }) => isActive(status) && trigger !== 'backfill') ?? null;
}

const HEADINGS = {
  failed: { title: 'The run failed', tone: 'failed' },
  cancelled: { title: 'The run was stopped', tone: 'cancelled' },
  skipped: { title: 'Skipped: this run did not start', tone: 'skipped' },
  missed: { title: 'Missed: these runs did not start', tone: 'skipped' },
};

/**
 * What the message of a run is headed: `{title, tone}`. Times that were missed are cancelled by the
 * host, one that was skipped conflicts with a run under way.
 */
export function messageHeading(run) {
  if (run.status === 'skipped' && run.error?.code === 'cancelled') return HEADINGS.missed;
  return HEADINGS[run.status] ?? { title: 'A job of this run failed', tone: 'warning' };
}

/** How many jobs stand in each state, most asking first: `[['failed', 1], ['succeeded', 3]]`. */
export function countByState(jobs, order) {
  const counts = new Map();
  for (const job of jobs) counts.set(job.status, (counts.get(job.status) ?? 0) + 1);
  const rank = (status) => {
    const index = order.indexOf(status);
    return index === -1 ? order.length : index;
  };
  return [...counts].sort(([a], [b]) => rank(a) - rank(b));
}

/** An error of a run or job, which is a text or an object with message and hint, in two parts. */
export function errorParts(error) {
  if (!error) return null;
  if (typeof error === 'string') return { message: error, hint: null };
  const message = error.message ?? error.detail ?? error.title ?? JSON.stringify(error);
  return { message, hint: error.hint ?? null };
}

/**
 * A message as a sentence that stands alone: the host writes parts of log lines. What begins with a
 * name, an address or a file stays as it is written.
 */
export function asSentence(text) {
  const isWord = /^\p{Ll}+([ ,]|\.?$)/u.test(text);
  const capital = isWord ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[\p{L}\p{N})\]"'”’`]$/u.test(capital) ? `${capital}.` : capital;
}

/** `line 12` for a number, the text itself otherwise. */
export function positionText(position) {
  if (position === null || position === undefined || position === '') return '';
  return /^\d+$/.test(String(position)) ? `line ${position}` : String(position);
}
