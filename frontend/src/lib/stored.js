/** A small text kept in this browser. Storage that is switched off reads as nothing kept. */
export function readStored(key) {
  try {
    return window.localStorage.getItem(`headgate-${key}`);
  } catch {
    return null;
  }
}

export function writeStored(key, value) {
  try {
    window.localStorage.setItem(`headgate-${key}`, value);
  } catch {
    // The choice then lasts as long as the page, which is all that can be done.
  }
}
