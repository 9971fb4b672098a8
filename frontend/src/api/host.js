import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from './client.js';
import { POLL_IDLE_MS } from './queries.js';

const AUDIT_PAGE = 50;

/** Every plugin, also those that could not be read. The host reads them at its start only. */
export const pluginsQuery = queryOptions({
  queryKey: ['plugins'],
  // They come all at once.
  queryFn: async ({ signal }) => (await request('/plugins', { signal })).items,
  refetchInterval: 60_000,
});

/** Who changed what, newest first; of one `actor`, one `action`. For administrators. */
export const auditQuery = (filter) =>
  infiniteQueryOptions({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam, signal }) =>
      request('/audit', { query: { ...filter, limit: AUDIT_PAGE, cursor: pageParam }, signal }),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // A refresh asks for every page that is shown, so more pages are asked for less often.
    refetchInterval: ({ state }) => POLL_IDLE_MS * Math.max(1, state.data?.pages.length ?? 1),
  });
