/** Above this many jobs the list comes first and the graph is drawn on request. */
export const DRAW_AT_ONCE_LIMIT = 500;
/** Above these the graph is not drawn at all. */
export const DRAW_LIMITS = { nodes: 2000, edges: 4000, depth: 300 };

/** The edges of a pipeline's jobs; a need that names no job of this pipeline is left out. */
export function edgesOf(jobs) {
  const ids = new Set(jobs.map((job) => job.id));
  return jobs.flatMap((job) =>
    (job.needs ?? [])
      .filter((need) => ids.has(need))
      .map((need) => ({ id: `${need}→${job.id}`, source: need, target: job.id })),
  );
}

/** A text that changes exactly when the layout must: it knows jobs and needs, no state. */
export function structureKey(jobs) {
  return JSON.stringify(jobs.map((job) => [job.id, job.needs ?? []]));
}

/**
 * Jobs in an order in which every job follows what it needs, as the file has them otherwise.
 * Jobs caught in a cycle come last, in file order.
 */
export function topologicalOrder(jobs) {
  const { levels, left } = peel(jobs);
  return [...levels.flat(), ...left];
}

/** The number of jobs on the longest chain of needs. */
export function depthOf(jobs) {
  return peel(jobs).levels.length;
}

/** How many jobs stand on the level that has most. */
export function breadthOf(jobs) {
  return peel(jobs).levels.reduce((most, level) => Math.max(most, level.length), 0);
}

/** `draw`, `ask` (large: the list comes first) or `refuse` (too large to draw). */
export function drawDecision(jobs) {
  const edges = edgesOf(jobs).length;
  if (jobs.length > DRAW_LIMITS.nodes || edges > DRAW_LIMITS.edges) return 'refuse';
  if (depthOf(jobs) > DRAW_LIMITS.depth) return 'refuse';
  return jobs.length > DRAW_AT_ONCE_LIMIT ? 'ask' : 'draw';
}

/** The jobs that directly need the given one. */
export function dependantsOf(jobs, jobId) {
  return jobs.filter((job) => job.needs?.includes(jobId));
}

/**
 * The job an arrow key leads to from `jobId`, or null. Right and left follow the edges; up and down
 * go to the neighbour in the same column. `positions` is the layout: id → {x, y}.
 */
export function neighbourOf(jobs, positions, jobId, key) {
  const here = positions[jobId];
  if (!here) return null;
  if (key === 'ArrowRight') return nearest(dependantsOf(jobs, jobId), positions, here);
  if (key === 'ArrowLeft') {
    const needs = jobs.find((job) => job.id === jobId)?.needs ?? [];
    return nearest(
      jobs.filter((job) => needs.includes(job.id)),
      positions,
      here,
    );
  }
  const down = key === 'ArrowDown';
  const column = jobs.filter((job) => {
    const there = positions[job.id];
    if (!there || Math.abs(there.x - here.x) > 1) return false;
    return down ? there.y > here.y : there.y < here.y;
  });
  return nearest(column, positions, here);
}

function nearest(jobs, positions, from) {
  let best = null;
  let bestDistance = Infinity;
  for (const job of jobs) {
    const there = positions[job.id];
    const distance = there ? Math.abs(there.y - from.y) : Infinity;
    if (distance < bestDistance) {
      best = job.id;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * The jobs in levels: the first needs nothing, each job stands one level after the last of those it
 * needs, in file order within a level. `left` are the jobs of a cycle and those behind one.
 */
function peel(jobs) {
  const waiting = new Map();
  const dependants = new Map();
  const ids = new Set(jobs.map((job) => job.id));
  for (const job of jobs) {
    const needs = new Set(job.needs?.filter((need) => ids.has(need)));
    waiting.set(job, needs.size);
    for (const need of needs) {
      if (!dependants.has(need)) dependants.set(need, []);
      dependants.get(need).push(job);
    }
  }
  const level = new Map();
  const reached = jobs.filter((job) => waiting.get(job) === 0);
  // What comes to its turn is put at the end, while the loop goes on.
  for (const job of reached) {
    const next = (level.get(job) ?? 0) + 1;
    for (const dependant of dependants.get(job.id) ?? []) {
      const left = waiting.get(dependant) - 1;
      waiting.set(dependant, left);
      if (left > 0) continue;
      level.set(dependant, next);
      reached.push(dependant);
    }
  }
  const levels = [];
  for (const job of jobs) {
    if (waiting.get(job) > 0) continue;
    const at = level.get(job) ?? 0;
    (levels[at] ??= []).push(job);
  }
  return { levels, left: jobs.filter((job) => waiting.get(job) > 0) };
}
