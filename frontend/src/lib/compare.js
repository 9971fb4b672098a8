/** Figures of two runs beside each other. `left` is the one that is looked at, `right` the other. */

/** What changed from right to left: null where one of them has no figure. */
function change(left, right) {
  if (typeof left !== 'number' || typeof right !== 'number') return null;
  return left - right;
}

function figures(left, right) {
  return {
    leftMs: left?.duration_ms ?? null,
    rightMs: right?.duration_ms ?? null,
    changeMs: change(left?.duration_ms, right?.duration_ms),
    leftRows: left?.rows ?? null,
    rightRows: right?.rows ?? null,
    changeRows: change(left?.rows, right?.rows),
  };
}

const ofJob = (job) => job && { duration_ms: job.duration_ms, rows: job.rows_out };
const ofRun = (run) => ({ duration_ms: run.duration_ms, rows: run.rows_loaded });

/**
 * `[{id, left, right, ...figures}]`: the jobs in the order of the left run, then those that only the
 * right one has, then the whole (`id` null). `left` and `right` are job runs, or undefined.
 */
export function compareRuns(leftRun, rightRun) {
  const right = new Map((rightRun.jobs ?? []).map((job) => [job.id, job]));
  const left = new Map((leftRun.jobs ?? []).map((job) => [job.id, job]));
  const ids = [...new Set([...left.keys(), ...right.keys()])];
  const rows = ids.map((id) => ({
    id,
    left: left.get(id),
    right: right.get(id),
    ...figures(ofJob(left.get(id)), ofJob(right.get(id))),
  }));
  return [
    ...rows,
    { id: null, left: leftRun, right: rightRun, ...figures(ofRun(leftRun), ofRun(rightRun)) },
  ];
}
