import { useEffect, useState } from 'react';
import { edgesOf, structureKey } from '../../lib/graph.js';

const DEADLINE_MS = 20_000;
const CACHE_LIMIT = 50;
const cache = new Map();

function remember(key, positions) {
  cache.set(key, positions);
  if (cache.size > CACHE_LIMIT) cache.delete(cache.keys().next().value);
}

/**
 * The layout of a pipeline's graph, reckoned in a worker once per structure: a job's state changes
 * never lay out again. Gives `{positions}`, `{error}`, or neither while it is being reckoned.
 */
export function useLayout(jobs) {
  const key = structureKey(jobs);
  const [result, setResult] = useState(null);
  useEffect(() => {
    if (cache.has(key)) return undefined;
    const worker = new Worker(new URL('./layout.worker.js', import.meta.url), { type: 'module' });
    const finish = (outcome) => {
      clearTimeout(deadline);
      worker.terminate();
      if (outcome.positions) remember(key, outcome.positions);
      setResult({ key, ...outcome });
    };
    const deadline = setTimeout(
      () => finish({ error: 'The layout took longer than 20 s.' }),
      DEADLINE_MS,
    );
    worker.addEventListener('message', ({ data }) => finish(data));
    worker.addEventListener('error', (event) =>
      finish({ error: event.message || 'The layout worker failed.' }),
    );
    worker.postMessage({ ids: jobs.map((job) => job.id), edges: edgesOf(jobs) });
    return () => {
      clearTimeout(deadline);
      worker.terminate();
    };
    // `key` stands for the part of `jobs` that matters here.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [key]);
  if (cache.has(key)) return { positions: cache.get(key) };
  return result?.key === key ? result : {};
}
