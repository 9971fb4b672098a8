import { toInstant } from './format.js';

/**
 * What a job of a run waited for and did, as parts of the run's own length:
 * - `needs`: until the last of those it needs was over
 * - `queue`: ready, until its last attempt began (earlier attempts and the wait behind them too)
 * - `run`: its last attempt
 * Each part is `{kind, fromMs, toMs}` from the run's beginning; parts of no length are left out.
 */
function partsOf(job, ends, begin, now) {
  const needed = (job.needs ?? []).map((id) => ends.get(id) ?? null);
  const waits = needed.includes(null);
  const started = toInstant(job.started_at);
  // Jobs of one stream of rows begin with their reader, long before it is over.
  const met = Math.max(begin, ...needed.filter((end) => end !== null));
  const ready = Math.max(begin, Math.min(met, started ?? met));
  const over = toInstant(job.finished_at);
  const bounds = [
    ['needs', begin, waits && started === null ? (over ?? now) : ready],
    ['queue', ready, started ?? (waits ? ready : (over ?? now))],
    ['run', started ?? now, started === null ? now : (over ?? now)],
  ];
  return bounds
    .filter(([, from, to]) => to > from)
    .map(([kind, from, to]) => ({ kind, fromMs: from - begin, toMs: to - begin }));
}

const lengthOf = (parts, wanted) => {
  const part = parts.find(({ kind }) => kind === wanted);
  return part ? part.toMs - part.fromMs : 0;
};

/**
 * A run's jobs on one line of time: `{lengthMs, rows: [{job, parts, needsMs, queueMs, runMs}]}`; null
 * for a run that has not begun to exist. `now` stands in for an end that has not come.
 */
export function timelineOf(run, jobs, now) {
  const begin = toInstant(run?.queued_at);
  if (begin === null) return null;
  const seen = jobs.filter(({ inRun }) => inRun);
  const end = toInstant(run.finished_at) ?? now;
  const ends = new Map(seen.map((job) => [job.id, toInstant(job.finished_at)]));
  const rows = seen.map((job) => {
    const parts = partsOf(job, ends, begin, end);
    return {
      job,
      parts,
      needsMs: lengthOf(parts, 'needs'),
      queueMs: lengthOf(parts, 'queue'),
      runMs: lengthOf(parts, 'run'),
    };
  });
  const last = Math.max(end - begin, ...rows.flatMap(({ parts }) => parts.map(({ toMs }) => toMs)));
  return { lengthMs: Math.max(1, last), rows };
}
