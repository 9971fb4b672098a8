export const PASSWORD_MIN = 12;

/** From least to most: who has one may give what stands before it too. */
const ROLES = [
  ['viewer', 'Viewer'],
  ['data_scientist', 'Data scientist'],
  ['admin', 'Administrator'],
];

export function roleWord(role) {
  return ROLES.find(([name]) => name === role)?.[1] ?? role;
}

/** The roles that a token of somebody with this role may have, the most first. */
export function rolesUpTo(role) {
  const rank = ROLES.findIndex(([name]) => name === role);
  return ROLES.slice(0, rank + 1)
    .toReversed()
    .map(([value, label]) => ({ value, label }));
}

/** What the host says of fields, by their names: `/new_password` is `new_password`. */
export function fieldErrors(error) {
  return Object.fromEntries(
    (error?.errors ?? []).map(({ pointer, detail }) => [pointer.slice(1), detail]),
  );
}

const SYSTEMS = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Macintosh/, 'macOS'],
  [/Linux/, 'Linux'],
];
const BROWSERS = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];

/** "Firefox on Linux" of a User-Agent; of a program the name it gives itself. */
export function browserWord(agent) {
  if (!agent) return 'Unknown program';
  const find = (words) => words.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find(BROWSERS);
  const system = find(SYSTEMS);
  if (!browser) return agent.slice(0, 60);
  return system ? `${browser} on ${system}` : browser;
}
