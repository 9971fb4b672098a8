import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
// What the pages fetch late is here already: on a busy machine it is slower than a test waits.
import '../../src/pages/admin/DataPipelineManager.jsx';
import '../../src/shell/Palette.jsx';
import { firstSteps } from '../../src/lib/firstSteps.js';
import { openApp } from '../app.jsx';
import { pipelines, problem, users } from '../fixtures/data.js';
import { accounts, channels, entries, OF_FILE } from '../fixtures/settings.js';
import { requests } from '../server.js';

const fresh = () => ({ entries: [], channels: [], accounts: accounts.slice(0, 1) });
const panel = () => screen.findByRole('region', { name: 'First steps' });

describe('the first steps', () => {
  const nothing = {
    username: 'admin',
    pipelines: [],
    passwordChanges: [],
    channels: [],
    users: accounts.slice(0, 1),
  };
  const done = (state) =>
    firstSteps({ ...nothing, ...state })
      .filter((step) => step.done)
      .map(({ key }) => key);

  it('are done by what the host says', () => {
    expect(done({})).toEqual([]);
    expect(done({ pipelines })).toEqual(['run']);
    expect(done({ passwordChanges: entries.slice(0, 1) })).toEqual(['password']);
    expect(done({ channels })).toEqual(['channel']);
    expect(done({ users: accounts })).toEqual(['users']);
  });

  it('do not count a run that was left out', () => {
    const skipped = pipelines.map((one) => ({ ...one, last_run: { status: 'skipped' } }));
    expect(done({ pipelines: skipped })).toEqual([]);
  });

  it('lead to a pipeline that can run', () => {
    const [run] = firstSteps({ ...nothing, pipelines });
    expect(run.to.params.pipelineId).toBe('sp500-daily');
    expect(firstSteps(nothing)[0].action).toBeNull();
  });

  it('leave out a password that stands in a file', () => {
    const own = [{ ...accounts[0], ...OF_FILE }];
    expect(firstSteps({ ...nothing, users: own }).map(({ key }) => key)).not.toContain('password');
  });
});

describe('their panel', () => {
  it('says what is done and leads on', async () => {
    openApp('/pipelines', fresh());
    const steps = within(await panel());
    expect(steps.getByText('1 of 4 done')).toBeVisible();
    expect(steps.getByText('Run a pipeline').parentElement).toHaveTextContent(/, done/);
    expect(steps.getByRole('link', { name: 'Change it' })).toHaveAttribute('href', '/account');
    expect(steps.getByRole('link', { name: 'Add one' })).toHaveAttribute(
      'href',
      '/settings/alerts',
    );
    const asked = requests.find(({ path }) => path === '/audit').query;
    expect([asked.get('actor'), asked.get('action')]).toEqual(['admin', 'user.change_password']);
  });

  it('comes with the pipelines, not after them', async () => {
    openApp('/pipelines', fresh());
    await screen.findByText('Currency rates');
    expect(screen.getByRole('region', { name: 'First steps' })).toBeVisible();
  });

  it('is put away for good, and comes back by the palette', async () => {
    const { user } = openApp('/pipelines', fresh());
    await user.click(within(await panel()).getByRole('button', { name: 'Hide' }));
    expect(screen.queryByRole('region', { name: 'First steps' })).toBeNull();
    expect(screen.getByRole('main')).toHaveFocus();
    expect(window.localStorage.getItem('headgate-first-steps-admin')).toBe('put away');
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByRole('combobox'), 'first steps{Enter}');
    expect(await panel()).toBeVisible();
  });

  it('is not there when all is done, and that is for good', async () => {
    openApp('/pipelines');
    await screen.findByText('Currency rates');
    await waitFor(() => expect(requests.some(({ path }) => path === '/users')).toBe(true));
    expect(screen.queryByRole('region', { name: 'First steps' })).toBeNull();
    expect(window.localStorage.getItem('headgate-first-steps-admin')).toBe('put away');
  });

  it('asks nothing of who put it away or is no administrator', async () => {
    window.localStorage.setItem('headgate-first-steps-admin', 'put away');
    openApp('/pipelines', fresh());
    await screen.findByText('Currency rates');
    expect(requests.some(({ path }) => path === '/audit')).toBe(false);
  });

  it('is an administrator’s', async () => {
    openApp('/pipelines', { ...fresh(), user: users.scientist });
    await screen.findByText('Currency rates');
    expect(requests.some(({ path }) => /^\/(audit|users|alerts)/.test(path))).toBe(false);
  });

  it('is not waited for long, and does not come late above what is read', async () => {
    const { queryClient } = openApp('/pipelines', {
      ...fresh(),
      waits: (path) => (path === '/audit' ? 3000 : 0),
    });
    expect(await screen.findByText('Currency rates')).toBeVisible();
    expect(queryClient.getQueryData(['audit', 'password', 'admin'])).toBeUndefined();
    await waitFor(() =>
      expect(queryClient.getQueryData(['audit', 'password', 'admin'])).toEqual([]),
    );
    expect(screen.queryByRole('region', { name: 'First steps' })).toBeNull();
  });

  it('does not hold up the pipelines where the host does not tell', async () => {
    const answer = { status: 500, body: problem(500, { title: 'No' }) };
    openApp('/pipelines', {
      ...fresh(),
      fail: (method, path) => (path === '/audit' ? answer : null),
    });
    expect(await screen.findByText('Currency rates')).toBeVisible();
    expect(screen.queryByRole('region', { name: 'First steps' })).toBeNull();
  });
});
