import { ago, failedRun, problem, system, users } from '../test/fixtures/data.js';
import {
  OF_FILE,
  accounts,
  alert,
  channel,
  channels,
  entry,
  plugin,
} from '../test/fixtures/settings.js';
import { away, LONG_WORD, only } from './scene-parts.mjs';

/** The pages under "Settings" in every state; see scenes.mjs. */
export const settingsScenes = [
  { name: 'alerts', path: '/settings/alerts', until: 'oncall@example.com' },
  {
    name: 'alerts-empty',
    path: '/settings/alerts',
    state: { channels: [] },
    until: 'No channel yet',
  },
  {
    name: 'alerts-error',
    path: '/settings/alerts',
    state: { fail: only(/channels$/, away) },
    until: 'The database did not answer',
  },
  {
    name: 'alerts-loading',
    path: '/settings/alerts',
    state: { delayMs: 60_000 },
    until: 'Loading the alert channels',
  },
  {
    name: 'alerts-scientist',
    path: '/settings/alerts',
    state: { user: users.scientist },
    until: 'oncall@example.com',
  },
  {
    name: 'alerts-viewer',
    path: '/settings/alerts',
    state: { user: users.viewer },
    until: 'Your role does not show the alert channels',
  },
  {
    name: 'alerts-long-names',
    path: '/settings/alerts',
    state: {
      channels: [
        channel(9, 'a'.repeat(63), { target: `https://${LONG_WORD}.example.com` }),
        channel(10, 'many', {
          kind: 'email',
          target: null,
          to: Array.from({ length: 20 }, (_, at) => `somebody.${at}@example.com`),
        }),
      ],
    },
    until: 'many',
  },
  { name: 'alerts-add', path: '/settings/alerts?dialog=add', until: 'stored sealed' },
  {
    name: 'alerts-add-mail-wrong',
    path: '/settings/alerts?dialog=add',
    act: async (page) => {
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Kind').selectOption('email');
      await dialog.getByRole('button', { name: 'Add the channel' }).click();
    },
    until: 'Say who gets the mails',
  },
  {
    name: 'alerts-added',
    path: '/settings/alerts?dialog=add',
    act: async (page) => {
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('night-watch');
      await dialog.getByLabel('URL').fill('http://alerts.example.net/hook');
      await dialog.getByRole('button', { name: 'Add the channel' }).click();
    },
    until: 'This is the secret of',
  },
  { name: 'alerts-log', path: '/settings/alerts?tab=log', until: 'there is no channel' },
  {
    name: 'alerts-log-empty',
    path: '/settings/alerts?tab=log',
    state: { alerts: [] },
    until: 'Nothing told yet',
  },
  {
    name: 'alerts-log-no-match',
    path: '/settings/alerts?tab=log&pipeline=removed-one',
    until: 'No alert matches',
  },
  {
    name: 'alerts-log-error',
    path: '/settings/alerts?tab=log',
    state: { fail: only(/alerts$/, away) },
    until: 'The database did not answer',
  },
  {
    name: 'alerts-log-long',
    path: '/settings/alerts?tab=log',
    state: {
      alerts: [
        alert(1, { summary: `${LONG_WORD} failed: ${LONG_WORD}`, pipeline_id: 'b'.repeat(63) }),
      ],
    },
    until: 'Run failed',
  },
  { name: 'channel', path: `/settings/alerts/${channels[3].id}`, until: 'It can be a secret' },
  {
    name: 'channel-failing',
    path: `/settings/alerts/${channels[0].id}`,
    until: '3 attempts failed',
  },
  { name: 'channel-mail', path: `/settings/alerts/${channels[1].id}`, until: 'one in a line' },
  {
    name: 'channel-tested',
    path: `/settings/alerts/${channels[3].id}`,
    act: (page) => page.getByRole('button', { name: 'Send a test' }).click(),
    until: 'The test was taken',
  },
  {
    name: 'channel-test-failed',
    path: `/settings/alerts/${channels[3].id}`,
    state: {
      test: {
        success: false,
        latency_ms: 3,
        http_status: null,
        error: '"alerts.example.com" is 10.1.2.3, which is not a public address',
        alert_id: channels[0].id,
      },
    },
    act: (page) => page.getByRole('button', { name: 'Send a test' }).click(),
    until: 'The test was not delivered',
  },
  {
    name: 'channel-scientist',
    path: `/settings/alerts/${channels[0].id}`,
    state: { user: users.scientist },
    until: 'Only an administrator changes',
  },
  {
    name: 'channel-remove',
    path: `/settings/alerts/${channels[3].id}?dialog=remove`,
    until: 'to remove it',
  },
  {
    name: 'channel-of-file',
    path: `/settings/alerts/${channels[0].id}`,
    state: { channels: channels.map((one) => ({ ...one, ...OF_FILE })) },
    until: 'From the host’s files',
  },
  { name: 'channel-missing', path: '/settings/alerts/gone', until: 'There is no alert channel' },
  { name: 'users', path: '/settings/users', until: 'data@example.com' },
  { name: 'users-no-match', path: '/settings/users?q=nothing', until: 'No user matches' },
  {
    name: 'users-viewer',
    path: '/settings/users',
    state: { user: users.viewer },
    until: 'Your role does not show the users',
  },
  {
    name: 'users-error',
    path: '/settings/users',
    state: { fail: only(/^\/users$/, away) },
    until: 'The database did not answer',
  },
  {
    name: 'users-loading',
    path: '/settings/users',
    state: { delayMs: 60_000 },
    until: 'Loading the users',
  },
  {
    name: 'users-long-names',
    path: '/settings/users',
    state: { accounts: [{ ...accounts[0], username: 'a'.repeat(64) }, ...accounts] },
    until: '5 users',
  },
  { name: 'users-add', path: '/settings/users?dialog=add', until: 'What is typed to sign in' },
  {
    name: 'users-add-wrong',
    path: '/settings/users?dialog=add',
    act: (page) => page.getByRole('dialog').getByRole('button', { name: 'Add the user' }).click(),
    until: 'Use 1 to 64 of',
  },
  { name: 'user', path: '/settings/users/vera', until: '192.0.2.44' },
  {
    name: 'user-changed-meanwhile',
    path: '/settings/users/vera',
    state: {
      changeUser: { status: 412, body: problem(412, { title: 'Precondition failed' }) },
    },
    act: async (page) => {
      await page.getByLabel('May sign in').click();
      await page.getByRole('button', { name: 'Save' }).click();
    },
    until: 'Somebody else has changed this user',
  },
  {
    name: 'user-last-admin',
    path: '/settings/users/admin',
    until: 'The last administrator who can sign in',
  },
  {
    name: 'user-own',
    path: '/settings/users/admin',
    state: { accounts: accounts.map((one) => ({ ...one, disabled: false })) },
    act: async (page) => {
      await page.locator('select[name=role]').selectOption('viewer');
    },
    until: 'This is you',
  },
  { name: 'user-remove', path: '/settings/users/vera?dialog=remove', until: 'to remove it' },
  {
    name: 'user-of-file',
    path: '/settings/users/vera',
    state: { accounts: accounts.map((one) => ({ ...one, ...OF_FILE })) },
    until: 'From the host’s files',
  },
  {
    name: 'user-gone-from-file',
    path: '/settings/users/vera',
    state: {
      accounts: accounts.map((one) => ({ ...one, origin: 'file', file: null, disabled: true })),
    },
    until: 'No longer in the host’s files',
  },
  { name: 'user-missing', path: '/settings/users/gone', until: 'There is no user' },
  { name: 'plugins', path: '/settings/plugins', until: 'Acme orders' },
  {
    name: 'plugins-no-match',
    path: '/settings/plugins?q=nothing&kind=rule',
    until: 'No plugin matches',
  },
  {
    name: 'plugins-empty',
    path: '/settings/plugins',
    state: { plugins: [], system: { paused: true, paused_at: ago(3_600_000) } },
    until: 'The plugin folder is empty',
  },
  {
    name: 'plugins-error',
    path: '/settings/plugins',
    state: { fail: only(/plugins$/, away) },
    until: 'The database did not answer',
  },
  {
    name: 'plugins-loading',
    path: '/settings/plugins',
    state: { delayMs: 60_000 },
    until: 'Loading the plugins',
  },
  {
    name: 'plugins-no-database',
    path: '/settings/plugins',
    state: {
      user: users.viewer,
      system: {
        database: { ...system.database, warehouse: { status: 'unavailable', version: null } },
        leader: false,
        workers: system.workers.map((worker) => ({ ...worker, state: 'down' })),
      },
    },
    until: 'Does not answer',
  },
  {
    name: 'plugins-long-names',
    path: '/settings/plugins',
    state: {
      plugins: [
        plugin(LONG_WORD.slice(0, 63), {
          name: LONG_WORD,
          summary: LONG_WORD,
          version: '10.200.3000',
        }),
        plugin(null, {
          kind: null,
          name: null,
          file: `/${LONG_WORD}/${LONG_WORD}.so`,
          status: 'failed',
          error: `cannot load the plugin "/${LONG_WORD}/${LONG_WORD}.so": invalid ELF header`,
        }),
      ],
    },
    until: 'invalid ELF header',
  },
  {
    name: 'audit',
    path: '/settings/audit',
    until: 'Took a pipeline',
    act: (page) => page.getByText('Made a new master key').last().waitFor(),
  },
  {
    name: 'audit-no-match',
    path: '/settings/audit?actor=nobody-of-that-name',
    until: 'No entry matches',
  },
  { name: 'audit-empty', path: '/settings/audit', state: { entries: [] }, until: 'Nothing yet' },
  {
    name: 'audit-error',
    path: '/settings/audit',
    state: { fail: only(/audit$/, away) },
    until: 'The database did not answer',
  },
  {
    name: 'audit-loading',
    path: '/settings/audit',
    state: { delayMs: 60_000 },
    until: 'Loading the audit log',
  },
  {
    name: 'audit-scientist',
    path: '/settings/audit',
    state: { user: users.scientist },
    until: 'Your role does not show the audit log',
  },
  {
    name: 'audit-long',
    path: '/settings/audit',
    state: {
      entries: [
        entry(1, 'pipeline.update', {
          actor: 'a'.repeat(64),
          object: LONG_WORD,
          fields: ['schedule', 'timezone', 'parallelism', 'retries', 'enabled'],
          source_ip: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
        }),
      ],
    },
    until: 'parallelism',
  },
  {
    name: 'first-steps',
    path: '/pipelines',
    state: { entries: [], channels: [], accounts: accounts.slice(0, 1), plugins: [] },
    until: '1 of 4 done',
  },
  {
    name: 'first-steps-empty',
    path: '/pipelines',
    state: { pipelines: [], entries: [], channels: [], accounts: accounts.slice(0, 1) },
    until: 'No pipeline yet',
  },
  {
    name: 'first-steps-not-told',
    path: '/pipelines',
    state: { entries: [], fail: only(/audit$/, away) },
    until: 'Currency rates',
  },
  {
    name: 'palette',
    path: '/pipelines',
    act: (page) => openPalette(page),
    until: 'Add an alert channel',
  },
  {
    name: 'palette-found',
    path: '/settings/plugins',
    act: async (page) => {
      await openPalette(page);
      await page.getByRole('dialog').getByRole('combobox').fill('s&p');
    },
    until: 'Run S&P 500',
  },
  {
    name: 'palette-run',
    path: '/datasets',
    act: async (page) => {
      await openPalette(page);
      await page.getByRole('dialog').getByRole('combobox').fill(failedRun.id);
    },
    until: 'of vendor-orders',
  },
  {
    name: 'palette-nothing',
    path: '/pipelines',
    act: async (page) => {
      await openPalette(page);
      await page.getByRole('dialog').getByRole('combobox').fill('nothing of that kind');
    },
    until: 'Nothing fits',
  },
  {
    name: 'keys',
    path: '/pipelines/sp500-daily',
    act: (page) => openOver(page, '?', page.getByRole('dialog', { name: 'Keys' })),
    until: 'Ten rows up or down',
  },
  {
    name: 'palette-refused',
    path: '/pipelines',
    state: {
      trigger: {
        status: 409,
        body: problem(409, {
          title: 'Conflict',
          detail: 'Run 3d6b8f02 of this pipeline is running.',
          run_id: '3d6b8f02-7c51-4cb6-a8c5-9be1a2c40d77',
        }),
      },
    },
    act: async (page) => {
      await openPalette(page);
      await page.getByRole('dialog').getByRole('combobox').fill('run s&p');
      await page.keyboard.press('Enter');
    },
    until: 'Show the run that is under way',
  },
];

const openPalette = (page) =>
  openOver(page, 'Control+k', page.getByRole('dialog').getByRole('combobox'));

/** The heading may be there a moment before the page listens; what is open leaves the key alone. */
async function openOver(page, key, wanted) {
  await page.getByRole('heading', { level: 1 }).waitFor();
  for (let left = 10; left > 0 && !(await wanted.isVisible()); left -= 1) {
    await page.keyboard.press(key);
    await wanted.waitFor({ timeout: 2000 }).catch(() => {});
  }
  await wanted.waitFor();
}
