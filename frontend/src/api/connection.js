import { useSyncExternalStore } from 'react';

/**
 * Whether the host answers, as the last request saw it. `lastAnswerAt` is when it last did, in
 * milliseconds since the epoch; times on the page stop there while the host is silent.
 */
let state = { answering: true, lastAnswerAt: null, silentSince: null };
const listeners = new Set();

export function noteAnswer(now = Date.now()) {
  const wasSilent = !state.answering;
  state = { answering: true, lastAnswerAt: now, silentSince: null };
  if (wasSilent) tell();
}

export function noteSilence(now = Date.now()) {
  if (!state.answering) return;
  state = { ...state, answering: false, silentSince: now };
  tell();
}

export function connection() {
  return state;
}

export function subscribeConnection(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The connection, rendering again when it is lost or comes back (not at every answer). */
export function useConnection() {
  useSyncExternalStore(subscribeConnection, () => state.answering);
  return state;
}

function tell() {
  for (const listener of listeners) listener();
}
