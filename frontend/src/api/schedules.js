import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { idempotencyKey } from '../lib/key.js';
import { isActive } from '../lib/status.js';
import { request, requestTagged } from './client.js';
import { pipelineQuery, pipelinesQuery, pollWhile, settingsQuery } from './queries.js';

const FIRE_TIMES = 5;
/** As many as the host gives at once. */
export const FIRE_TIMES_MOST = 100;
const BACKFILLS_PAGE = 25;

const pipelinePath = (id) => `/ingestion/pipelines/${encodeURIComponent(id)}`;

/** When a schedule fires next; behind `after`, an RFC 3339 time, where that is given. */
export const fireTimesQuery = (cron, timezone, { after, count = FIRE_TIMES } = {}) =>
  queryOptions({
    queryKey: ['ingestion', 'schedules', 'next', cron, timezone, after ?? null, count],
    queryFn: ({ signal }) =>
      request('/ingestion/schedules/next', { query: { cron, timezone, count, after }, signal }),
    // What stands there stays until the answer to what is typed now has come.
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    refetchInterval: after ? false : 30_000,
  });

/** Version, uptime, and whether all is paused; of the pause the host tells. */
export const systemQuery = queryOptions({
  queryKey: ['system'],
  queryFn: ({ signal }) => request('/system', { signal }),
  refetchInterval: () => pollWhile(false),
});

/** Goes back to what the pipeline's file says, unless somebody else has changed the settings (412). */
export function useResetSettings(pipelineId) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ etag }) =>
      requestTagged(`${pipelinePath(pipelineId)}/overrides`, {
        method: 'DELETE',
        headers: etag ? { 'If-Match': etag } : {},
      }),
    onSuccess: async (changed) => {
      client.setQueryData(settingsQuery(pipelineId).queryKey, changed);
      await client.invalidateQueries({ queryKey: pipelineQuery(pipelineId).queryKey, exact: true });
      await client.invalidateQueries({ queryKey: pipelinesQuery.queryKey, exact: true });
    },
  });
}

export const backfillsQuery = (pipelineId) =>
  infiniteQueryOptions({
    queryKey: ['ingestion', 'pipelines', pipelineId, 'backfills'],
    queryFn: ({ pageParam, signal }) =>
      request(`${pipelinePath(pipelineId)}/backfills`, {
        query: { limit: BACKFILLS_PAGE, cursor: pageParam },
        signal,
      }),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) => {
      const shown = state.data?.pages ?? [];
      const active = shown[0]?.items.some(({ status }) => isActive(status));
      return pollWhile(active) * Math.max(1, shown.length);
    },
  });

/** Starts a backfill of `{from, to, params?}`, times in RFC 3339. */
export function useBackfill(pipelineId) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (window) =>
      request(`${pipelinePath(pipelineId)}/backfill`, {
        method: 'POST',
        body: window,
        headers: { 'Idempotency-Key': idempotencyKey() },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: ['ingestion', 'pipelines', pipelineId] }),
  });
}

export function useCancelBackfill(pipelineId) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (backfillId) =>
      request(`${pipelinePath(pipelineId)}/backfills/${encodeURIComponent(backfillId)}/cancel`, {
        method: 'POST',
        body: {},
      }),
    onSettled: () => client.invalidateQueries({ queryKey: ['ingestion', 'pipelines', pipelineId] }),
  });
}
