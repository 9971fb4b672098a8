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

const rankOf = (role) => ROLES.findIndex(([name]) => name === role);

/** Whether somebody with this role may do what the other is enough for. */
export function mayAs(role, wanted) {
  return rankOf(role) >= rankOf(wanted);
}

/** What a role may do, as its choice says it. */
export const ROLE_MEANING = {
  viewer: 'Sees pipelines, runs and counts; no rows and no logs',
  data_scientist: 'Sees rows, logs and alerts too; starts and stops runs',
  admin: 'Everything: changes pipelines, alert channels and users',
};

/** The roles that a token of somebody with this role may have, the most first. */
export function rolesUpTo(role) {
  return ROLES.slice(0, rankOf(role) + 1)
    .toReversed()
    .map(([value, label]) => ({ value, label }));
}

/** What the host says of fields, by their names: `/new_password` is `new_password`. */
export function fieldErrors(error) {
  return Object.fromEntries(
    (error?.errors ?? []).map(({ pointer, detail }) => [pointer.slice(1), detail]),
  );
}

/** The name of the one user without whom nobody could administer the host any more, or null. */
export function lastAdmin(users) {
  const admins = users.filter(({ role, disabled }) => role === 'admin' && !disabled);
  return admins.length === 1 ? admins[0].username : null;
}

const USERNAME = /^[a-z0-9][a-z0-9._@-]{0,63}$/;

/** What is wrong with a new password, or undefined. */
export function passwordGap(password) {
  return Array.from(password).length < PASSWORD_MIN
    ? `A password has at least ${PASSWORD_MIN} characters.`
    : undefined;
}

/** What is wrong with a new user before the host is asked, by field. */
export function newUserGaps({ username, password }) {
  const gaps = {
    username: USERNAME.test(username)
      ? undefined
      : 'Use 1 to 64 of a-z, 0-9 and . _ @ -, beginning with a letter or a digit.',
    password: passwordGap(password),
  };
  return Object.fromEntries(Object.entries(gaps).filter(([, gap]) => gap));
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
