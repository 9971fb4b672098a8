import { useEffect, useState } from 'react';

/** So many jobs change what they look like within one frame. */
export const SLICE = 40;

/**
 * `jobs` as far as they may be shown next, when `shown` (the same jobs, by id) are now: at most `size`
 * of those that changed. `jobs` itself once it is all of them.
 */
export function nextSlice(shown, jobs, size = SLICE) {
  const before = new Map(shown.map((job) => [job.id, job]));
  let left = size;
  let isAll = true;
  const next = jobs.map((job) => {
    const now = before.get(job.id);
    if (now === undefined || now === job) return job;
    left -= 1;
    if (left >= 0) return job;
    isAll = false;
    return now;
  });
  return isAll ? jobs : next;
}

/**
 * Jobs whose changes are shown over several frames when there are many: drawing two hundred boxes anew in
 * one would hold the page up for longer than a task should last. What did not change is the same object.
 */
export function useInSlices(jobs) {
  // `isWhole`: all of the last change was shown, so that the next one may begin within this frame.
  const [{ shown, isWhole }, setState] = useState({ shown: jobs, isWhole: true });
  const next = shown === jobs ? jobs : nextSlice(shown, jobs);
  const isAtOnce = isWhole && next === jobs;
  if (isAtOnce && shown !== jobs) setState({ shown: jobs, isWhole: true });
  useEffect(() => {
    if (isAtOnce) return undefined;
    const frame = requestAnimationFrame(() => setState({ shown: next, isWhole: next === jobs }));
    return () => cancelAnimationFrame(frame);
  }, [isAtOnce, next, jobs]);
  return isAtOnce ? jobs : shown;
}
