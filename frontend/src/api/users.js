import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { idempotencyKey } from '../lib/key.js';
import { request, requestTagged } from './client.js';
import { everyItem, sessionQuery } from './queries.js';

/** All below it is forgotten when somebody signs out. */
const USERS_KEY = ['access', 'users'];

/** A new password, and switching a user off, end sessions. */
const isSignIns = ({ queryKey: [area, kind] }) => area === 'access' && kind === 'sessions';

const userPath = (username) => `/users/${encodeURIComponent(username)}`;

/** Every user, by name. For administrators. */
export const usersQuery = queryOptions({
  queryKey: USERS_KEY,
  queryFn: ({ signal }) => everyItem('/users', signal),
});

/** One user as `{body, etag}`: read once, so that it does not change under somebody's hands. */
export const userQuery = (username) =>
  queryOptions({
    // By this name it is left alone, whatever else is asked for again.
    queryKey: [...USERS_KEY, username, 'settings'],
    queryFn: ({ signal }) => requestTagged(userPath(username), { signal }),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

export function useCreateUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body) =>
      request('/users', {
        method: 'POST',
        body,
        headers: { 'Idempotency-Key': idempotencyKey() },
      }),
    // It holds a password.
    gcTime: 0,
    onSettled: () => client.invalidateQueries({ queryKey: USERS_KEY, exact: true }),
  });
}

/**
 * Changes `{role?, disabled?, password?}`, unless somebody else has since the user was read (412).
 * Who changes oneself may be somebody else afterwards, or nobody.
 */
export function useChangeUser(username) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ patch, etag }) =>
      requestTagged(userPath(username), {
        method: 'PATCH',
        body: patch,
        headers: { 'If-Match': etag },
      }),
    gcTime: 0,
    onSuccess: async (changed) => {
      client.setQueryData(userQuery(username).queryKey, changed);
      await client.invalidateQueries({ queryKey: USERS_KEY, exact: true });
      await client.invalidateQueries({ predicate: isSignIns });
      if (client.getQueryData(sessionQuery.queryKey)?.username === username)
        await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
  });
}

/** Removes a user; one that is gone already is what was wanted. */
export function useRemoveUser(username) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      try {
        await request(userPath(username), { method: 'DELETE' });
      } catch (error) {
        if (error.status !== 404) throw error;
      }
    },
    onSuccess: async () => {
      client.removeQueries({ queryKey: userQuery(username).queryKey });
      await client.invalidateQueries({ queryKey: USERS_KEY, exact: true });
      if (client.getQueryData(sessionQuery.queryKey)?.username === username)
        await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
  });
}
