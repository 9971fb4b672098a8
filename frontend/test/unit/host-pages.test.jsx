import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
// What the pages fetch late is here already: on a busy machine it is slower than a test waits.
import '../../src/pages/admin/Alerts.jsx';
import '../../src/pages/admin/AuditLog.jsx';
import '../../src/pages/admin/DataPipelineManager.jsx';
import '../../src/pages/admin/Plugins.jsx';
import { actionChoices, actionWord, actorWay, objectLink } from '../../src/lib/audit.js';
import { checkCommand, matchesPlugin, sortPlugins, workersText } from '../../src/lib/plugins.js';
import { openApp } from '../app.jsx';
import { pipelines, users } from '../fixtures/data.js';
import { entries, entry, plugin, plugins } from '../fixtures/settings.js';
import { requests } from '../server.js';

const sent = (path) => requests.filter((request) => request.path === path);
const find = (search) => plugins.filter((one) => matchesPlugin(one, search)).length;
const rowsOf = (name) => within(screen.getByRole('region', { name })).getAllByRole('row').slice(1);

describe('plugins between the API and the page', () => {
  it('come with what fails first, then by name', () => {
    const names = sortPlugins(plugins).map(({ id, file }) => id ?? file);
    expect(names).toEqual(['/srv/my plugins/vendor.so', 'acme', 'csv', 'unique']);
  });

  it('are found by name, id, summary, file and kind', () => {
    expect(find({})).toBe(4);
    expect(find({ q: 'DELIMITED' })).toBe(1);
    expect(find({ q: 'vendor' })).toBe(1);
    expect(find({ kind: 'rule' })).toBe(1);
    expect(find({ kind: 'rule', q: 'csv' })).toBe(0);
  });

  it.each([
    ['/usr/lib/a-b_1.0.so', 'headgate plugin check /usr/lib/a-b_1.0.so'],
    ['/srv/my plugins/x.so', "headgate plugin check '/srv/my plugins/x.so'"],
    ["/srv/it's/$(x).so", "headgate plugin check '/srv/it'\\''s/$(x).so'"],
  ])('a shell gets %s as one word', (file, command) => {
    expect(checkCommand(file)).toBe(command);
  });

  it.each([
    [['busy', 'idle'], '2 · 1 at work'],
    [['down', 'down'], '2 · 0 at work · 2 not running'],
    [[], '0 · 0 at work'],
  ])('workers %j are %s', (states, text) => {
    expect(workersText(states.map((state) => ({ state })))).toBe(text);
  });
});

describe('the plugins', () => {
  it('say what cannot be used, why, and what to do', async () => {
    openApp('/settings/plugins', { user: users.viewer });
    const notice = (await screen.findByText(/^1 plugin cannot be used/)).parentElement;
    expect(within(notice).getByText(/is built for ABI 9, and this is ABI 0\.$/)).toBeVisible();
    expect(within(notice).getByText('Build it with the SDK of this release, 0.1.0.')).toBeVisible();
    expect(
      within(notice).getByText("headgate plugin check '/srv/my plugins/vendor.so'"),
    ).toBeVisible();
    const [first, second] = rowsOf('All plugins');
    expect(within(first).getByText('Cannot be used')).toBeVisible();
    expect(within(second).getByText('Acme orders')).toBeVisible();
    expect(within(second).getByText('of your own')).toBeVisible();
    expect(within(second).getByText('2.4.1')).toBeVisible();
  });

  it('are narrowed by what stands in the address', async () => {
    const { user, router } = openApp('/settings/plugins?kind=rule');
    expect(await screen.findByText('1 of 4 plugins')).toBeVisible();
    expect(rowsOf('All plugins')).toHaveLength(1);
    await user.type(screen.getByLabelText('Find a plugin'), 'x');
    expect(await screen.findByText('No plugin matches')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Clear the filter' }));
    expect(await screen.findByText('4 plugins')).toBeVisible();
    expect(router.state.location.search).toEqual({});
  });

  it('stand below what the host is and does', async () => {
    openApp('/settings/plugins', {
      plugins: [plugin('csv')],
      system: {
        database: {
          metadata: { status: 'ok', version: '15.17' },
          warehouse: { status: 'unavailable', version: null },
        },
      },
    });
    const facts = within(await screen.findByLabelText('Host'));
    expect(facts.getByText('PostgreSQL 15.17')).toBeVisible();
    expect(facts.getByText('Does not answer')).toBeVisible();
    expect(facts.getByText('2 · 1 at work')).toBeVisible();
    expect(facts.getByText('Leads')).toBeVisible();
    expect(await screen.findByText('1 plugin')).toBeVisible();
    expect(screen.queryByText(/cannot be used/i)).toBeNull();
  });
});

describe('a parameter that does not fit', () => {
  it.each([
    ['/pipelines?status=nonsense', 'Currency rates'],
    ['/settings/alerts?tab=log&delivery=nonsense', 'A test of the alert channel mail.'],
  ])('is as if it were not there: %s', async (path, text) => {
    const { router } = openApp(path);
    expect(await screen.findByText(text)).toBeVisible();
    expect(router.state.matches.at(-1).search).not.toMatchObject({ status: 'nonsense' });
    expect(router.state.matches.at(-1).search).not.toMatchObject({ delivery: 'nonsense' });
  });
});

describe('the audit log in words', () => {
  it.each([
    [entry(1, 'user.create'), 'Added a user'],
    [entry(1, 'user.create', { outcome: 'denied' }), 'Tried to add a user'],
    [entry(1, 'of.another.version', { outcome: 'denied' }), 'of.another.version'],
    [entry(1, 'session.begin', { outcome: 'denied', object: 'vera' }), 'Tried to sign in as'],
    [entry(1, 'session.begin', { outcome: 'denied' }), 'Tried to sign in, by an unknown name'],
    [entry(1, 'session.begin', { object: 'vera' }), 'Signed in as'],
    [entry(1, 'of.another.version'), 'of.another.version'],
    [entry(1, 'constructor'), 'constructor'],
  ])('%o', (one, word) => {
    expect(actionWord(one)).toBe(word);
  });

  it('offers every action, and a foreign one that was chosen', () => {
    const values = actionChoices('x.y').map(({ value }) => value);
    expect(values.slice(0, 2)).toEqual(['', 'x.y']);
    expect(values).toContain('key.rotate');
    expect(
      actionChoices('user.create').filter(({ value }) => value === 'user.create'),
    ).toHaveLength(1);
  });

  it('leads to what is still there', () => {
    expect(objectLink(entries[0]).params).toEqual({ pipelineId: 'sp500-daily' });
    expect(objectLink(entry(1, 'user.delete', { object: 'vera' }))).toBeNull();
    expect(objectLink(entry(1, 'pipeline.update', { object: 'x', outcome: 'denied' }))).toBeNull();
    expect(actorWay(entries[2])).toBe('API token');
    expect(actorWay(entries[0])).toBeNull();
  });
});

describe('the audit log', () => {
  it('says who changed what, and who was refused', async () => {
    openApp('/settings/audit');
    await screen.findByRole('region', { name: 'Audit log' });
    const rows = rowsOf('Audit log').map((row) => within(row));
    expect(rows[0].getByText('Changed a pipeline')).toBeVisible();
    expect(rows[0].getByText('schedule, retries')).toBeVisible();
    expect(rows[0].getByRole('link', { name: 'sp500-daily' })).toHaveAttribute(
      'href',
      '/pipelines/sp500-daily',
    );
    expect(rows[2].getByText('· API token')).toBeVisible();
    expect(rows[3].getByText('· command line')).toBeVisible();
    expect(rows[4].getByText('Refused')).toBeVisible();
    expect(rows[4].getByText('Tried to add a user')).toBeVisible();
    expect(rows[5].getByText('not signed in')).toBeVisible();
    expect(rows[5].getByText('Tried to sign in as')).toBeVisible();
  });

  it('is narrowed by the host, by who and by what', async () => {
    const { user, router } = openApp('/settings/audit');
    await user.click(await screen.findByTitle('Only what vera did'));
    await waitFor(() => expect(router.state.location.search).toEqual({ actor: 'vera' }));
    await waitFor(() => expect(rowsOf('Audit log')).toHaveLength(1));
    expect(screen.getByLabelText('Who')).toHaveValue('vera');
    await user.clear(screen.getByLabelText('Who'));
    await waitFor(() => expect(rowsOf('Audit log')).toHaveLength(entries.length));
    await user.selectOptions(screen.getByLabelText('What'), 'session.begin');
    await waitFor(() => expect(rowsOf('Audit log')).toHaveLength(2));
    await user.type(screen.getByLabelText('Who'), 'some');
    await waitFor(() => expect(router.state.location.search.actor).toBe('some'));
    // Who types on after a pause is still in the field.
    expect(screen.getByLabelText('Who')).toHaveFocus();
    await user.keyboard('body');
    expect(screen.getByLabelText('Who')).toHaveValue('somebody');
    await waitFor(() => expect(router.state.location.search.actor).toBe('somebody'));
    expect(await screen.findByText('No entry matches')).toBeVisible();
    expect(router.state.location.search).toEqual({ actor: 'somebody', action: 'session.begin' });
    // Not a question for each letter.
    expect(sent('/audit').some(({ query }) => query.get('actor') === 'so')).toBe(false);
    await user.click(screen.getByRole('button', { name: 'Clear the filter' }));
    await waitFor(() => expect(rowsOf('Audit log')).toHaveLength(entries.length));
    expect(screen.getByLabelText('Who')).toHaveValue('');
  });

  it('comes in pages, and what is new waits above', async () => {
    const { user, host, queryClient } = openApp('/settings/audit', { entries, pageOf: 3 });
    await screen.findByRole('region', { name: 'Audit log' });
    expect(rowsOf('Audit log')).toHaveLength(3);
    await user.click(screen.getByRole('button', { name: 'Load older entries' }));
    await waitFor(() => expect(rowsOf('Audit log')).toHaveLength(6));
    host.entries = [entry(-2, 'host.resume'), entry(-1, 'host.pause'), ...entries];
    await queryClient.invalidateQueries();
    expect(await screen.findByText('2 new entries')).toBeVisible();
    expect(within(rowsOf('Audit log')[0]).getByText('Changed a pipeline')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Show' }));
    expect(within(rowsOf('Audit log')[0]).getByText('Resumed all pipelines')).toBeVisible();
  });

  it('is not asked for by who may not read it', async () => {
    openApp('/settings/audit', { user: users.scientist, pipelines });
    expect(await screen.findByText('Your role does not show the audit log')).toBeVisible();
    expect(sent('/audit')).toHaveLength(0);
  });
});
