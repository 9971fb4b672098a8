import { useSyncExternalStore } from 'react';
import { readStored, writeStored } from './stored.js';

/** Whether somebody wants to see the first steps; kept in this browser, for each user. */
const listeners = new Set();
const key = (username) => `first-steps-${username}`;

export function setStepsWanted(username, wanted) {
  writeStored(key(username), wanted ? 'shown' : 'put away');
  for (const listener of listeners) listener();
}

export function useStepsWanted(username) {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => readStored(key(username)) !== 'put away',
  );
}

/** Something has run, by anybody, whatever came of it. */
const hasRun = (pipelines) =>
  pipelines.some(({ last_run: run }) => run && run.status !== 'skipped');

/**
 * What an administrator does first, each done or not by what the host says. A step appears with its
 * page. `passwordChanges`: entries of the audit log by this user. Who stands in a file has no password
 * to change.
 */
export function firstSteps({ username, pipelines, passwordChanges, channels, users }) {
  const first = pipelines.find(({ jobs, errors }) => jobs?.length > 0 && !(errors?.length > 0));
  const ofFile = users.some((one) => one.username === username && one.file);
  return [
    {
      key: 'run',
      title: 'Run a pipeline',
      text: 'Watch its jobs, then look at the rows they loaded.',
      done: hasRun(pipelines),
      to: first
        ? { to: '/pipelines/$pipelineId', params: { pipelineId: first.id } }
        : { to: '/pipelines' },
      action: first ? `Open ${first.name || first.id}` : null,
    },
    !ofFile && {
      key: 'password',
      title: 'Change your password',
      text: 'The first one was made, or written down, by whoever set Headgate up.',
      done: passwordChanges.length > 0,
      to: { to: '/account' },
      action: 'Change it',
    },
    {
      key: 'channel',
      title: 'Add an alert channel',
      text: 'Then a run that fails at night tells somebody.',
      done: channels.length > 0,
      to: { to: '/settings/alerts' },
      action: 'Add one',
    },
    {
      key: 'users',
      title: 'Add the others',
      text: 'Each signs in as themselves, so the audit log says who did what.',
      done: users.length > 1,
      to: { to: '/settings/users' },
      action: 'Add a user',
    },
  ].filter(Boolean);
}
