/**
 * A key that lets the host recognise a repeated request. `crypto.randomUUID` is missing where the
 * page comes over plain HTTP from another computer; `getRandomValues` is not.
 */
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
