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
  const { ordered, left } = peel(jobs);
  return [...ordered, ...left];
}

/** The number of jobs on the longest chain of needs. */
export function depthOf(jobs) {
  const depth = new Map();
  let deepest = 0;
  for (const job of peel(jobs).ordered) {
    const needs = (job.needs ?? []).map((need) => depth.get(need) ?? 0);
    depth.set(job.id, 1 + Math.max(0, ...needs));
    deepest = Math.max(deepest, depth.get(job.id));
  }
  return deepest;
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

function peel(jobs) {
  const ids = new Set(jobs.map((job) => job.id));
  const done = new Set();
  const ordered = [];
  let left = jobs;
  while (left.length > 0) {
    const ready = left.filter((job) =>
      (job.needs ?? []).every((need) => done.has(need) || !ids.has(need)),
    );
    if (ready.length === 0) break;
    for (const job of ready) done.add(job.id);
    ordered.push(...ready);
    left = left.filter((job) => !done.has(job.id));
  }
  return { ordered, left };
}
