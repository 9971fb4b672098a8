/** The actions that the audit log names, in words; an action this version does not know stands as it is. */
const ACTIONS = {
  'session.begin': 'Signed in',
  'session.end': 'Ended a session',
  'session.end_others': 'Ended their other sessions',
  'user.create': 'Added a user',
  'user.update': 'Changed a user',
  'user.delete': 'Removed a user',
  'user.change_password': 'Changed their password',
  'token.create': 'Made an API token',
  'token.delete': 'Ended an API token',
  'pipeline.trigger': 'Started a run',
  'pipeline.update': 'Changed a pipeline',
  'pipeline.reset': 'Took a pipeline back to its file',
  'pipeline.pause': 'Paused a pipeline',
  'pipeline.resume': 'Resumed a pipeline',
  'backfill.create': 'Started a backfill',
  'backfill.cancel': 'Stopped a backfill',
  'run.cancel': 'Stopped a run',
  'run.retry': 'Tried a run again',
  'alert_channel.create': 'Added an alert channel',
  'alert_channel.update': 'Changed an alert channel',
  'alert_channel.delete': 'Removed an alert channel',
  'alert_channel.test': 'Tested an alert channel',
  'host.pause': 'Paused all pipelines',
  'host.resume': 'Resumed all pipelines',
  'key.rotate': 'Made a new master key',
};

/** What a role did not allow, to be followed by the thing. */
const TRIED = {
  'user.create': 'Tried to add a user',
  'user.update': 'Tried to change a user',
  'user.delete': 'Tried to remove a user',
  'pipeline.trigger': 'Tried to start a run',
  'pipeline.update': 'Tried to change a pipeline',
  'pipeline.reset': 'Tried to take a pipeline back to its file',
  'backfill.create': 'Tried to start a backfill',
  'backfill.cancel': 'Tried to stop a backfill',
  'run.cancel': 'Tried to stop a run',
  'run.retry': 'Tried to try a run again',
  'alert_channel.create': 'Tried to add an alert channel',
  'alert_channel.update': 'Tried to change an alert channel',
  'alert_channel.delete': 'Tried to remove an alert channel',
  'alert_channel.test': 'Tried to test an alert channel',
};

const wordOf = (action) => (Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : null);

/** What was done, to be followed by the thing. A sign-in that was refused is none. */
export function actionWord({ action, object, outcome }) {
  const denied = outcome === 'denied';
  if (denied && Object.hasOwn(TRIED, action)) return TRIED[action];
  if (action !== 'session.begin') return wordOf(action) ?? action;
  if (!denied) return 'Signed in as';
  return object ? 'Tried to sign in as' : 'Tried to sign in, by an unknown name';
}

/** What a filter offers; `chosen` too, where it is of another version. */
export function actionChoices(chosen) {
  const known = Object.entries(ACTIONS).map(([value, label]) => ({ value, label }));
  const other = chosen && !wordOf(chosen) ? [{ value: chosen, label: chosen }] : [];
  return [{ value: '', label: 'Everything' }, ...other, ...known];
}

const WAYS = { token: 'API token', local: 'command line', file: 'the host’s files' };

/** How somebody came to do it, where that is not by their session. */
export const actorWay = ({ actor_kind: kind }) => WAYS[kind] ?? null;

/** The page of what was changed, as a link takes it, or null. */
export function objectLink({ action, object, outcome }) {
  if (!object || outcome === 'denied') return null;
  if (action.startsWith('pipeline.') || action === 'backfill.create')
    return { to: '/pipelines/$pipelineId', params: { pipelineId: object } };
  if (action === 'user.create' || action === 'user.update')
    return { to: '/settings/users/$username', params: { username: object } };
  return null;
}
