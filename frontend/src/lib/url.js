/**
 * Search parameters stand in the address as plain `?key=value`, readable and editable by hand.
 * TanStack Router's default would write JSON there.
 */
export function parseSearch(text) {
  const search = {};
  for (const [key, value] of new URLSearchParams(text)) {
    if (!Object.hasOwn(search, key)) search[key] = value;
  }
  return search;
}

export function stringifySearch(search) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '') params.append(key, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

/**
 * Makes a route's search validator: keeps the named parameters whose value the check accepts and
 * drops every other, so that one page's parameters never reach another. One that is named and does
 * not fit is there as undefined: the router lays what is kept over all that stands in the address.
 */
export function searchOf(checks) {
  return (search) => {
    const kept = {};
    for (const [key, check] of Object.entries(checks)) {
      const value = search[key];
      if (value === undefined) continue;
      const fits = typeof value === 'string' && value !== '' && check(value);
      kept[key] = fits ? value : undefined;
    }
    return kept;
  };
}

export const anyText = (value) => value.length <= 200;
export const oneOf =
  (...values) =>
  (value) =>
    values.includes(value);

/** A path on this site that sign-in may return to; anything else becomes the start page. */
export function safeReturn(target) {
  if (typeof target !== 'string' || !/^\/(?![/\\])/.test(target)) return '/';
  const url = new URL(target, window.location.origin);
  if (url.origin !== window.location.origin || url.pathname === '/sign-in') return '/';
  return url.pathname + url.search + url.hash;
}
