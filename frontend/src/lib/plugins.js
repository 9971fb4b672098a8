/** What the pages say of plugins and of the host they are in. */

const KINDS = { connector: 'Connector', rule: 'Rule' };

export const pluginKindWord = (kind) => KINDS[kind] ?? kind ?? 'Unknown';

/** The name of a file without its folder. */
export const fileName = (path) => path.slice(path.lastIndexOf('/') + 1);

/** What a plugin is called: by its file where it could not be read. */
export const pluginName = ({ name, id, file }) => name ?? id ?? fileName(file);

const rank = ({ status }) => (status === 'failed' ? 0 : 1);

/** Those that cannot be used first, then by name. */
export function sortPlugins(plugins) {
  return plugins.toSorted(
    (a, b) => rank(a) - rank(b) || pluginName(a).localeCompare(pluginName(b), 'en'),
  );
}

export function matchesPlugin(plugin, { q, kind }) {
  if (kind && plugin.kind !== kind) return false;
  const text = [plugin.name, plugin.id, plugin.summary, plugin.file].filter(Boolean).join(' ');
  return text.toLowerCase().includes((q ?? '').toLowerCase());
}

/** What asks a plugin’s file itself, for a shell. */
export const checkCommand = (file) => `headgate plugin check ${quoted(file)}`;

function quoted(text) {
  return /^[\w./+:@%-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** How many workers there are, and how many are at work. */
export function workersText(workers) {
  const busy = workers.filter(({ state }) => state === 'busy').length;
  const down = workers.filter(({ state }) => state === 'down').length;
  return [
    String(workers.length),
    `${busy} at work`,
    ...(down > 0 ? [`${down} not running`] : []),
  ].join(' · ');
}
