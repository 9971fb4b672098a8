/** A small text kept in this browser. Storage that is switched off reads as nothing kept. */
export function readStored(key) {
  try {
    return window.localStorage.getItem(`headgate-${key}`);
  } catch {
    return null;
  }
}

/** Whether this browser keeps things at all. */
export function canStore() {
  try {
    window.localStorage.setItem('headgate-probe', '1');
    window.localStorage.removeItem('headgate-probe');
    return true;
  } catch {
    return false;
  }
}

export function forgetStored(key) {
  try {
    window.localStorage.removeItem(`headgate-${key}`);
  } catch {
    // Nothing is kept then.
  }
}

export function writeStored(key, value) {
  try {
    window.localStorage.setItem(`headgate-${key}`, value);
  } catch {
    // The choice then lasts as long as the page, which is all that can be done.
  }
}
