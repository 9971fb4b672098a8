import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { idempotencyKey } from '../lib/key.js';
import { request } from './client.js';
import { everyItem } from './queries.js';

/** Not below `auth`, which signing out keeps: these are forgotten then, with all the rest. */
const TOKENS_KEY = ['access', 'tokens'];
const SESSIONS_KEY = ['access', 'sessions'];

/** API tokens, newest first: one's own, or for an administrator those of `username`. */
export const tokensQuery = (username) =>
  queryOptions({
    queryKey: [...TOKENS_KEY, username ?? null],
    queryFn: ({ signal }) => everyItem('/auth/tokens', signal, { username }),
  });

/** Where one is signed in, newest first; for an administrator where `username` is. */
export const sessionsQuery = (username) =>
  queryOptions({
    queryKey: [...SESSIONS_KEY, username ?? null],
    queryFn: ({ signal }) => everyItem('/auth/sessions', signal, { username }),
  });

/** Makes a token; the answer's `token` is given this once, and is kept by nobody but the caller. */
export function useCreateToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body) =>
      request('/auth/tokens', {
        method: 'POST',
        body,
        headers: { 'Idempotency-Key': idempotencyKey() },
      }),
    gcTime: 0,
    onSettled: () => client.invalidateQueries({ queryKey: TOKENS_KEY }),
  });
}

/** Ends a thing of a list; one that is gone already is what was wanted. */
function useEnd(path, queryKey) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (id) => {
      try {
        await request(`${path}/${encodeURIComponent(id)}`, { method: 'DELETE' });
      } catch (error) {
        if (error.status !== 404) throw error;
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
}

export const useEndToken = () => useEnd('/auth/tokens', TOKENS_KEY);
export const useEndSession = () => useEnd('/auth/sessions', SESSIONS_KEY);

export function useEndOtherSessions() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request('/auth/sessions', { method: 'DELETE' }),
    onSettled: () => client.invalidateQueries({ queryKey: SESSIONS_KEY }),
  });
}

/** Changes one's own password, which ends one's other sessions. */
export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body) => request('/auth/password', { method: 'POST', body }),
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: SESSIONS_KEY }),
  });
}
