import { useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { datasetsQuery, pipelinesQuery, runQuery, useSignOut } from '../api/queries.js';
import { mayAs } from '../lib/access.js';
import { setStepsWanted } from '../lib/firstSteps.js';
import { browserZone } from '../lib/format.js';
import { bareKeysAct, setBareKeysAct } from '../lib/keys.js';
import { paramFields } from '../lib/params.js';
import { describeState } from '../lib/status.js';
import { setZoneChoice } from '../lib/zone.js';
import {
  IconBell,
  IconDatabase,
  IconHistory,
  IconKeyboard,
  IconListCheck,
  IconLogout,
  IconPlayerPlay,
  IconSitemap,
  IconSun,
  IconUsers,
} from '../ui/icons.js';
import { SCHEMES } from './menus.jsx';
import { PAGES } from './places.js';

const PAGES_GROUP = 'Pages';
const PIPELINES_GROUP = 'Pipelines';
const DATASETS_GROUP = 'Datasets';
const ACTIONS_GROUP = 'Actions';

/**
 * What the palette offers to this user: pages, what there is by name, actions. A command has
 * `to`, where it leads, or `act`, what it does, or both; `starts` is the pipeline of which it starts a
 * run, `showsKeys` opens the sheet of the keys.
 */
export function useCommands(user) {
  const { data: pipelines } = useQuery(pipelinesQuery);
  const { data: datasets } = useQuery(datasetsQuery);
  const own = useOwnCommands(user);
  return [
    ...pageCommands(user),
    ...(pipelines ?? []).map(pipelineCommand),
    ...(datasets ?? []).map(datasetCommand),
    ...(mayAs(user.role, 'data_scientist') ? (pipelines ?? []).filter(canRun).map(runCommand) : []),
    ...own,
  ];
}

function pageCommands(user) {
  return PAGES.flatMap(({ links }) => links)
    .filter(({ role }) => mayAs(user.role, role))
    .map(({ to, label, words, icon }) => ({
      group: PAGES_GROUP,
      key: to,
      label,
      words,
      icon,
      to: { to },
    }));
}

function pipelineCommand({ id, name, status, errors }) {
  return {
    group: PIPELINES_GROUP,
    key: `pipeline ${id}`,
    label: name || id,
    words: id,
    hint: describeState(errors?.length > 0 ? 'broken' : status).word,
    icon: IconSitemap,
    to: { to: '/pipelines/$pipelineId', params: { pipelineId: id } },
  };
}

function datasetCommand({ name }) {
  return {
    group: DATASETS_GROUP,
    key: `dataset ${name}`,
    label: name,
    icon: IconDatabase,
    to: { to: '/datasets/$name', params: { name } },
  };
}

const canRun = ({ errors, jobs }) => !(errors?.length > 0) && jobs?.length > 0;

/** Where parameters can be given, they are asked for first. */
function runCommand({ id, name, params_schema: schema }) {
  const asks = paramFields(schema).length > 0;
  const command = {
    group: ACTIONS_GROUP,
    key: `run ${id}`,
    label: `Run ${name || id}${asks ? '…' : ''}`,
    words: `start ${id}`,
    icon: IconPlayerPlay,
    // There are as many as pipelines: they come when they are asked for.
    quiet: true,
  };
  if (!asks) return { ...command, starts: id };
  return {
    ...command,
    to: { to: '/pipelines/$pipelineId', params: { pipelineId: id }, search: { dialog: 'run' } },
  };
}

const action = (label, fields) => ({ group: ACTIONS_GROUP, key: label, label, ...fields });

/** What concerns this user and this browser. */
function useOwnCommands(user) {
  const { setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  const admin = [
    action('Add a user', {
      icon: IconUsers,
      to: { to: '/settings/users', search: { dialog: 'add' } },
    }),
    action('Add an alert channel', {
      icon: IconBell,
      to: { to: '/settings/alerts', search: { dialog: 'add' } },
    }),
    action('Show the first steps', {
      icon: IconListCheck,
      words: 'help start begin newcomer',
      quiet: true,
      to: { to: '/pipelines' },
      act: () => setStepsWanted(user.username, true),
    }),
  ];
  const act = bareKeysAct();
  return [
    ...(mayAs(user.role, 'admin') ? admin : []),
    ...SCHEMES.map(({ value, word, icon }) =>
      action(`Theme: ${word.toLowerCase()}`, {
        icon: icon ?? IconSun,
        quiet: true,
        act: () => setColorScheme(value),
      }),
    ),
    action('Time zone: UTC', { icon: IconHistory, quiet: true, act: () => setZoneChoice('utc') }),
    action(`Time zone: this browser’s, ${browserZone()}`, {
      icon: IconHistory,
      quiet: true,
      act: () => setZoneChoice('browser'),
    }),
    action('Show the keys', {
      icon: IconKeyboard,
      words: '? keyboard shortcuts help',
      showsKeys: true,
    }),
    action(act ? 'Keys / and ?: turn off' : 'Keys / and ?: turn on', {
      words: 'keyboard shortcut slash',
      quiet: true,
      act: () => setBareKeysAct(!act),
    }),
    action('Sign out', { icon: IconLogout, act: () => signOut.mutate() }),
  ];
}

/** The run of an id that was typed: a command, or why there is none. */
export function useRunCommand(id) {
  const query = useQuery({ ...runQuery(id), enabled: id !== null, refetchInterval: false });
  const navigate = useNavigate();
  if (id === null) return { command: null, note: null };
  if (query.error) {
    const gone = query.error.status === 404;
    return { command: null, note: gone ? 'No run has this id.' : query.error.message };
  }
  if (!query.data) return { command: null, note: 'Looking for a run with this id…' };
  const { pipeline_id: pipelineId, status } = query.data;
  return {
    note: null,
    command: {
      group: 'Runs',
      key: id,
      label: `Run ${id.slice(0, 8)} of ${pipelineId}`,
      hint: describeState(status).word,
      icon: IconHistory,
      act: () =>
        navigate({ to: '/pipelines/$pipelineId', params: { pipelineId }, search: { run: id } }),
    },
  };
}
