import { useSyncExternalStore } from 'react';
import { connection, subscribeConnection } from '../api/connection.js';

/**
 * One clock for the whole page. It ticks once a second while something shows it, and stands still
 * while the host does not answer: a page must not look fresher than what it knows.
 */
const TICK_MS = 1000;
const listeners = new Set();
let now = Date.now();
let timer = null;
let stopWatching = null;

function tick() {
  if (!connection().answering) return;
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener) {
  listeners.add(listener);
  if (listeners.size === 1) {
    now = Date.now();
    timer = setInterval(tick, TICK_MS);
    stopWatching = subscribeConnection(tick);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      stopWatching();
    }
  };
}

/**
 * `derive(now)` in milliseconds since the epoch; the component renders again only when the derived
 * value (a text, a number) changes.
 */
export function useNow(derive) {
  return useSyncExternalStore(subscribe, () => derive(now));
}
