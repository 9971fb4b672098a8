import { useSyncExternalStore } from 'react';
import { browserZone } from './format.js';
import { readStored, writeStored } from './stored.js';

/** The zone that every time on the page is told in: `UTC`, or the browser's own. */
const listeners = new Set();
let choice = readStored('zone') === 'browser' ? 'browser' : 'utc';

export function setZoneChoice(next) {
  choice = next === 'browser' ? 'browser' : 'utc';
  writeStored('zone', choice);
  for (const listener of listeners) listener();
}

function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useZoneChoice() {
  return useSyncExternalStore(subscribe, () => choice);
}

/** The IANA name of the chosen zone. */
export function useZone() {
  return useZoneChoice() === 'browser' ? browserZone() : 'UTC';
}
