import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { request } from './client.js';
import { subscribeConnection, connection } from './connection.js';
import { createSocket } from './socket.js';

/**
 * Keeps what the pages show current by the host's messages: each names what changed, and that is
 * asked for again. While the connection is live the pages' own timers only look now and then.
 */

/** What changed is asked for after so long, and the same not again before the pause is over. */
export const GATHER_MS = 100;
export const PAUSE_MS = 1000;

let state = 'connecting';
const listeners = new Set();

function setState(next) {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

export const liveState = () => state;
export const isLive = () => state === 'live';

/** "connecting", "live", "waiting" or "polling"; see socket.js. */
export function useLiveState() {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, liveState);
}

/** Signed out, rows a reader stands in, and settings under somebody's hands stay as they are. */
function isLeftAlone(key) {
  return key[0] === 'auth' || key.includes('settings') || (key[0] === 'datasets' && key.length > 1);
}

const isOver = (status) => ['succeeded', 'failed', 'cancelled', 'skipped'].includes(status);

/** Whether a query shows what a message tells of. */
export function isTouched([area, kind, id, part], { type, data }) {
  if (type === 'system.updated') return area === 'system';
  if (type.startsWith('alert.')) return area === 'alerts';
  // The alert of a run is written in the transaction that ends it, and told of when it is delivered.
  if (area === 'alerts') return type === 'run.updated' && data.status === 'failed';
  if (!type.startsWith('run.') && !type.startsWith('job.') && !/^(pipeline|backfill)\./.test(type))
    return false;
  const isRun = type === 'run.updated';
  const pipeline = type === 'pipeline.updated' ? data.id : data.pipeline_id;
  const run = isRun ? data.id : data.run_id;
  if (area === 'datasets') return isRun && data.status === 'succeeded' && kind === undefined;
  if (area !== 'ingestion') return false;
  if (kind === 'pipelines') return id === undefined || (id === pipeline && part !== 'settings');
  // Logs follow by themselves while their job runs.
  if (kind === 'runs') return id === run && part === undefined;
  return kind === 'quarantine' && isRun && id === pipeline && isOver(data.status);
}

/** Gathers messages and asks for what they touched, at most once in PAUSE_MS. */
export function createRefresher(client) {
  let messages = [];
  let everything = false;
  let timer = null;
  let last = -Infinity;

  function schedule() {
    if (timer !== null) return;
    const wait = Math.max(GATHER_MS, last + PAUSE_MS - performance.now());
    timer = setTimeout(flush, wait);
  }

  function flush() {
    const told = messages;
    const all = everything;
    timer = null;
    messages = [];
    everything = false;
    last = performance.now();
    client.invalidateQueries({
      predicate: ({ queryKey }) =>
        !isLeftAlone(queryKey) && (all || told.some((message) => isTouched(queryKey, message))),
    });
  }

  return {
    told(message) {
      if (!everything && message.data) messages.push(message);
      schedule();
    },
    lost() {
      everything = true;
      messages = [];
      schedule();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}

function address(lastId) {
  const url = new URL('/api/v1/events', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  // Who may not be told of alerts is told of runs alone.
  url.searchParams.set('topics', 'runs,alerts');
  if (lastId !== null) url.searchParams.set('last_event_id', lastId);
  return url.href;
}

async function checkSession() {
  try {
    await request('/auth/me');
    return true;
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
}

/** Holds the connection as long as somebody is signed in: once, around the pages. */
export function useLiveUpdates() {
  const client = useQueryClient();
  useEffect(() => {
    const refresher = createRefresher(client);
    const socket = createSocket({
      url: address,
      checkSession,
      onMessage: refresher.told,
      onResync: refresher.lost,
      onSignedOut: () => client.setQueryData(['auth', 'me'], null),
      onState: (next) => {
        const was = state;
        setState(next);
        // The pages' timers are set anew when they are answered next.
        if (was === 'live') refresher.lost();
      },
    });
    const seen = () => document.visibilityState === 'visible' && socket.nudge();
    const unsubscribe = subscribeConnection(() => connection().answering && socket.nudge());
    window.addEventListener('online', socket.nudge);
    document.addEventListener('visibilitychange', seen);
    return () => {
      window.removeEventListener('online', socket.nudge);
      document.removeEventListener('visibilitychange', seen);
      unsubscribe();
      socket.stop();
      refresher.stop();
      setState('connecting');
    };
  }, [client]);
}
