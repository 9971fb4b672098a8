import { setNonce } from 'get-nonce';

/** The nonce that the host gave this answer of the page; style elements need it. */
export function styleNonce() {
  return document.querySelector('meta[name="csp-nonce"]')?.content ?? '';
}

/** Tells it to the scroll lock under Mantine's dialogs and drawers, which makes its own element. */
export function shareNonce() {
  setNonce(styleNonce());
}
