import { canStore, forgetStored, readStored, writeStored } from './stored.js';

/**
 * That somebody signed in with this browser and did not sign out. The cookie itself cannot be seen
 * by the page, and asking the host without one is answered 401, which the browser writes to its
 * console as an error before anybody has done anything. Where nothing can be kept, ask.
 */
const KEY = 'signed-in';

export const maybeSignedIn = () => readStored(KEY) !== null || !canStore();

export function noteSession(user) {
  if (user) writeStored(KEY, '1');
  else forgetStored(KEY);
}
