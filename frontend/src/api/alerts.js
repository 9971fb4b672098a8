import {
  infiniteQueryOptions,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { idempotencyKey } from '../lib/key.js';
import { request, requestTagged } from './client.js';
import { everyItem, pollWhile } from './queries.js';

const CHANNELS_KEY = ['alerts', 'channels'];
const LOG_KEY = ['alerts', 'log'];
const LOG_PAGE = 50;

const channelPath = (id) => `/alerts/channels/${encodeURIComponent(id)}`;

/**
 * Every alert channel, by name. The host tells of deliveries, which are part of a channel's state; of
 * channels that others make or change the page learns when it looks again.
 */
export const channelsQuery = queryOptions({
  queryKey: CHANNELS_KEY,
  queryFn: ({ signal }) => everyItem('/alerts/channels', signal),
  refetchInterval: () => pollWhile(false),
});

/** One channel as it is now, for its state. */
export const channelQuery = (id) =>
  queryOptions({
    queryKey: [...CHANNELS_KEY, id],
    queryFn: ({ signal }) => request(channelPath(id), { signal }),
    refetchInterval: ({ state }) => (state.error?.status === 404 ? false : pollWhile(false)),
  });

/** The same as `{body, etag}`, read once: what a person is editing does not change by itself. */
export const channelSettingsQuery = (id) =>
  queryOptions({
    queryKey: [...CHANNELS_KEY, id, 'settings'],
    queryFn: ({ signal }) => requestTagged(channelPath(id), { signal }),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

/** What was told to whom, newest first. */
export const alertsQuery = (filter) =>
  infiniteQueryOptions({
    queryKey: [...LOG_KEY, filter],
    queryFn: ({ pageParam, signal }) =>
      request('/alerts', { query: { ...filter, limit: LOG_PAGE, cursor: pageParam }, signal }),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // A refresh asks for every page that is shown, so more pages are asked for less often.
    refetchInterval: ({ state }) => pollWhile(false) * Math.max(1, state.data?.pages.length ?? 1),
  });

/** Makes a channel; the answer's `secret` is given this once, and is kept by nobody but the caller. */
export function useCreateChannel() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body) =>
      request('/alerts/channels', {
        method: 'POST',
        body,
        headers: { 'Idempotency-Key': idempotencyKey() },
      }),
    gcTime: 0,
    onSettled: () => client.invalidateQueries({ queryKey: CHANNELS_KEY, exact: true }),
  });
}

/** Changes a channel, unless somebody else has since it was read (412, where an `etag` is given). */
export function useChangeChannel(id) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ patch, etag }) =>
      requestTagged(channelPath(id), {
        method: 'PATCH',
        body: patch,
        headers: etag ? { 'If-Match': etag } : {},
      }),
    gcTime: 0,
    onSuccess: async (changed) => {
      client.setQueryData(channelSettingsQuery(id).queryKey, changed);
      client.setQueryData(channelQuery(id).queryKey, changed.body);
      await client.invalidateQueries({ queryKey: CHANNELS_KEY, exact: true });
    },
  });
}

/** Sends something now, once, and gives what came of it. */
export function useTestChannel(id) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request(`${channelPath(id)}/test`, { method: 'POST', body: {} }),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: channelQuery(id).queryKey, exact: true });
      await client.invalidateQueries({ queryKey: CHANNELS_KEY, exact: true });
      await client.invalidateQueries({ queryKey: LOG_KEY });
    },
  });
}

/** Removes a channel; one that is gone already is what was wanted. */
export function useRemoveChannel(id) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      try {
        await request(channelPath(id), { method: 'DELETE' });
      } catch (error) {
        if (error.status !== 404) throw error;
      }
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: CHANNELS_KEY, exact: true });
      await client.invalidateQueries({ queryKey: LOG_KEY });
    },
  });
}
