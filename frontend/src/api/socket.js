/**
 * The connection on which the host tells what changes (/api/v1/events). It knows nothing of pages:
 * it connects, comes back with the id of the last message, and says what it heard.
 *
 * `state` is "connecting", "live", "waiting" (it was live, and comes back) or "polling" (sockets do
 * not get through, a proxy in between may be why; it is tried again now and then).
 */
export const RETRY_MIN_MS = 500;
export const RETRY_MAX_MS = 30_000;
/** So many handshakes in a row that fail while the host answers: sockets do not get through. */
export const TRIES = 3;
export const BLOCKED_RETRY_MS = 60_000;
/** A connection that lasted so long was a good one: the next pause is short again. */
const GOOD_AFTER_MS = 10_000;
/** The host's: show your session again, and go on where you were. */
const ASK_AGAIN = 4001;
const CONNECTING = 0;

/**
 * `url(lastEventId)` gives the address; `checkSession()` resolves to true (signed in), false
 * (not), or rejects (the host does not answer). Callbacks: `onState(state)`, `onMessage({type,
 * data})`, `onResync()` for what was missed and cannot be told, `onSignedOut()`.
 */
export function createSocket({
  url,
  checkSession,
  onState,
  onMessage,
  onResync,
  onSignedOut,
  Socket = globalThis.WebSocket,
  random = Math.random,
  now = () => Date.now(),
}) {
  let state = 'connecting';
  let socket = null;
  let timer = null;
  let lastId = null;
  let failures = 0;
  let refused = 0;
  let openedAt = null;
  let stopped = false;

  function become(next) {
    if (next === state) return;
    state = next;
    onState(next);
  }

  function connect() {
    timer = null;
    openedAt = null;
    let opening;
    try {
      opening = new Socket(url(lastId));
    } catch {
      // Blocked by a policy or an extension, or there are no sockets at all.
      refused = TRIES;
      retry(BLOCKED_RETRY_MS);
      return;
    }
    socket = opening;
    opening.addEventListener('open', () => opening === socket && opened());
    opening.addEventListener('message', ({ data }) => opening === socket && heard(data));
    opening.addEventListener('close', ({ code }) => opening === socket && closed(code));
  }

  function opened() {
    openedAt = now();
    refused = 0;
    // The state is read behind this, so that nothing falls between the two. Behind an id the host
    // sends what was missed itself.
    if (lastId === null) onResync();
    become('live');
  }

  function heard(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof message?.id === 'string') lastId = message.id;
    if (message?.type === 'resync') onResync();
    else if (typeof message?.type === 'string') onMessage(message);
  }

  async function closed(code) {
    const wasOpen = openedAt !== null;
    socket = null;
    if (wasOpen && now() - openedAt >= GOOD_AFTER_MS) failures = 0;
    if (!wasOpen || code === ASK_AGAIN) {
      // A page sees of a refused handshake only that it failed; the session says whether that is why.
      const is = await signedIn();
      if (is && wasOpen) return again(0);
      if (is) refused += 1;
    }
    if (state === 'live') become('waiting');
    return again(pause());
  }

  /** False once this has ended; undefined when the host does not answer. */
  async function signedIn() {
    try {
      const is = await checkSession();
      if (!is && !stopped) {
        stop();
        onSignedOut();
      }
      return is && !stopped;
    } catch {
      return undefined;
    }
  }

  function again(delay) {
    if (stopped || socket || timer !== null) return;
    if (delay === 0) connect();
    else retry(refused >= TRIES ? BLOCKED_RETRY_MS : delay);
  }

  function retry(delay) {
    if (refused >= TRIES) become('polling');
    timer = setTimeout(connect, delay);
  }

  /** Doubles with each failure, and is spread, so that pages do not all come back at once. */
  function pause() {
    const longest = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures);
    failures += 1;
    return longest / 2 + (longest / 2) * random();
  }

  /** Something changed for the better (the network, the page is looked at): do not wait longer. */
  function nudge() {
    if (timer === null) return;
    clearTimeout(timer);
    connect();
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    timer = null;
    const open = socket;
    socket = null;
    // The browser complains of one that is closed before it is open.
    if (open?.readyState === CONNECTING) open.addEventListener('open', () => open.close());
    else open?.close();
  }

  connect();
  return { stop, nudge };
}
