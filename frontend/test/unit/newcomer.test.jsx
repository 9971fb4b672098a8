import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
// What the pages fetch late is here already: on a busy machine it is slower than a test waits.
import '../../src/components/forms/PipelineSettingsForm.jsx';
import '../../src/components/panels/RejectedRows.jsx';
import { runUnderWay } from '../../src/lib/runs.js';
import { openApp } from '../app.jsx';
import { pipeline, pipelines, rejectedRun, run, runningRun, warnedRun } from '../fixtures/data.js';
import { requests } from '../server.js';

describe('while a run is under way', () => {
  const idle = { ...runningRun, id: 'chosen', status: 'succeeded' };

  it('another is not started, which the button says and leads to it', async () => {
    const { user, router } = openApp('/pipelines/flights-on-time?run=chosen&view=list', {
      runs: { 'flights-on-time': [runningRun, idle] },
    });
    const button = await screen.findByRole('button', { name: 'Run now' });
    await waitFor(() => expect(button).toHaveAttribute('aria-disabled', 'true'));
    expect(button).toHaveAccessibleDescription('A run is under way: show it');
    await user.click(button);
    expect(requests.some(({ method }) => method === 'POST')).toBe(false);
    await user.click(screen.getByRole('link', { name: 'show it' }));
    expect(router.state.location.search.run).toBe(runningRun.id);
  });

  it.each([
    ['running', 'manual', true],
    ['queued', 'schedule', true],
    ['running', 'backfill', false],
    ['succeeded', 'manual', false],
  ])('one that is %s by %s: %s', (status, trigger, is) => {
    const one = { ...runningRun, status, trigger };
    expect(runUnderWay([one])).toBe(is ? one : null);
  });
});

describe('rejected rows', () => {
  const before = {
    ...rejectedRun,
    id: 'before',
    rows_rejected: 3,
    started_at: '2026-11-01T05:08:07.000Z',
  };
  const clean = run('clean', 'currency-rates', { rows_rejected: 0 });

  it('say whose they are, and those of another run are a choice away', async () => {
    const { user, router } = openApp('/pipelines/currency-rates?view=list&tab=rejected', {
      runs: { 'currency-rates': [rejectedRun, clean, before] },
    });
    const choice = await screen.findByLabelText('Rows rejected by the run');
    expect(choice).toHaveValue(rejectedRun.id);
    const offered = within(choice)
      .getAllByRole('option')
      .map((option) => option.textContent);
    expect(offered).toHaveLength(2);
    expect(offered[1]).toBe('1 Nov 2026, 05:08:07 UTC · 3 rejected rows · Succeeded');
    await user.selectOptions(choice, 'before');
    await waitFor(() => expect(router.state.location.search.run).toBe('before'));
    expect(router.state.location.search.tab).toBe('rejected');
  });

  it('of another run can be chosen where the shown one has none', async () => {
    openApp('/pipelines/currency-rates?view=list&tab=rejected&run=clean', {
      runs: { 'currency-rates': [rejectedRun, clean] },
    });
    expect(await screen.findByText('This run rejected no rows')).toBeVisible();
    expect(screen.getByLabelText('Rows rejected by the run')).toHaveValue('clean');
  });
});

describe('what a run warned of', () => {
  const state = { runs: { 'currency-rates': [warnedRun, rejectedRun] } };

  it('stands above its figures, the rest a press away, and marks it among the runs', async () => {
    const { user, router } = openApp('/pipelines/currency-rates?view=list', state);
    expect(await screen.findByText('6 warnings', { selector: 'p' })).toBeVisible();
    expect(screen.getAllByText(/changed after it was read/)).toHaveLength(4);
    await user.click(screen.getByRole('button', { name: 'Show all 6' }));
    expect(screen.getAllByText(/changed after it was read/)).toHaveLength(5);
    const last = screen.getByText(/340 more are only counted$/);
    await user.click(within(last.closest('li')).getByRole('link', { name: 'check' }));
    expect(router.state.location.search.job).toBe('check');
    expect(screen.getByRole('link', { name: /^Succeeded, run warned 6 warnings$/ })).toBeVisible();
    expect(screen.getByRole('link', { name: /^Succeeded, run 7b1d.* 12 rejected$/ })).toBeVisible();
  });

  it('stands in the panel of the job that warned', async () => {
    openApp('/pipelines/currency-rates?view=list&job=fetch', state);
    const panel = within(await screen.findByRole('region', { name: 'Job fetch' }));
    expect(await panel.findByText('1 warning')).toBeVisible();
    expect(panel.getByText(/changed after it was read/)).toBeVisible();
  });
});

describe('why a run failed', () => {
  const why = `Job “load” failed: ${'the column of the table is narrower than the data, '.repeat(4)}end`;
  const failed = run('long', 'sp500-daily', { status: 'failed', error: why });

  it('is shown whole on a press of the key', async () => {
    const { user } = openApp('/pipelines/sp500-daily?view=list', {
      runs: { 'sp500-daily': [failed] },
    });
    const text = await screen.findByRole('button', { name: why });
    expect(text).toHaveAttribute('aria-expanded', 'false');
    expect(text).toHaveAttribute('title', why);
    text.focus();
    await user.keyboard('{Enter}');
    expect(text).toHaveAttribute('aria-expanded', 'true');
    expect(text).not.toHaveClass('truncate');
  });
});

describe('settings that were changed to what the file says', () => {
  it('have nothing to go back to', async () => {
    const same = pipeline('resumed', {
      jobs: pipelines[0].jobs,
      overrides: { enabled: true },
      file_settings: {
        schedule: null,
        timezone: 'UTC',
        parallelism: 1,
        retries: 0,
        enabled: true,
      },
    });
    openApp('/pipelines/resumed?tab=settings&view=list', { pipelines: [same] });
    expect(await screen.findByRole('button', { name: 'Undo changes' })).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Go back to the file' })).toBeNull();
  });
});

describe('whoever never signed in', () => {
  it('is asked to, without a request that the browser would call an error', async () => {
    openApp('/', { user: null });
    expect(await screen.findByLabelText('User name')).toBeVisible();
    expect(requests.some(({ path }) => path === '/auth/me')).toBe(false);
  });

  it('is asked for again behind a reload once signed in, and not after signing out', async () => {
    const { user } = openApp('/pipelines');
    await screen.findByText('Currency rates');
    expect(window.localStorage.getItem('headgate-signed-in')).toBe('1');
    await user.click(screen.getByRole('button', { name: 'Account: admin' }));
    await user.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
    await screen.findByLabelText('User name');
    expect(window.localStorage.getItem('headgate-signed-in')).toBeNull();
  });
});
