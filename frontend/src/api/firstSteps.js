import { useTimeout } from '@mantine/hooks';
import { queryOptions, useQueries } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { firstSteps, setStepsWanted, useStepsWanted } from '../lib/firstSteps.js';
import { channelsQuery } from './alerts.js';
import { request } from './client.js';
import { pipelinesQuery } from './queries.js';
import { usersQuery } from './users.js';

/** Longer than this the page does not wait for them. */
const PATIENCE_MS = 1500;

/** The last time that somebody changed their own password: one entry of the audit log, or none. */
const passwordChangesQuery = (username) =>
  queryOptions({
    queryKey: ['audit', 'password', username],
    queryFn: async ({ signal }) => {
      const query = { actor: username, action: 'user.change_password', limit: 1 };
      return (await request('/audit', { query, signal })).items;
    },
  });

/**
 * The first steps of an administrator: `pending` until they are known or have taken too long, then
 * `steps`, or null where there is nothing to show: put away, all done, not told by the host, late.
 */
export function useFirstSteps(user) {
  const username = user?.username;
  const wanted = useStepsWanted(username);
  const [late, setLate] = useState(false);
  const asks = user?.role === 'admin' && wanted;
  const others = [passwordChangesQuery(username), channelsQuery, usersQuery];
  const queries = useQueries({
    // They are asked for once: only what runs changes while somebody looks.
    queries: [
      pipelinesQuery,
      ...others.map((query) => ({ ...query, enabled: asks, refetchInterval: false })),
    ],
  });
  const pending = asks && queries.some(({ isPending }) => isPending);
  useTimeout(() => setLate(pending), PATIENCE_MS, { autoInvoke: true });
  const told = asks && queries.every(({ data }) => data !== undefined);
  const steps = told ? stepsOf(username, queries) : null;
  const allDone = steps !== null && steps.every(({ done }) => done);
  // For good: what the audit log no longer keeps, or a channel that goes, begins nothing anew.
  useEffect(() => {
    if (allDone) setStepsWanted(username, false);
  }, [allDone, username]);
  if (late || allDone) return { pending: false, steps: null };
  return { pending, steps };
}

function stepsOf(username, queries) {
  const [pipelines, passwordChanges, channels, users] = queries.map(({ data }) => data);
  return firstSteps({ username, pipelines, passwordChanges, channels, users });
}
