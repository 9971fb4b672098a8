import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { openApp } from '../app.jsx';
import { pipeline, pipelines, problem } from '../fixtures/data.js';
import { requests } from '../server.js';

const asked = () => requests.filter(({ path: at }) => at === '/ingestion/schedules/next');

describe('settings', () => {
  const path = '/pipelines/sp500-daily?tab=settings&view=list';

  it('send what was changed, in the state they were read in', async () => {
    const { user } = openApp(path);
    const schedule = await screen.findByLabelText('Schedule');
    const save = screen.getByRole('button', { name: 'Save' });
    expect(save).toBeDisabled();
    await user.clear(schedule);
    await user.type(schedule, '15 6 * * *');
    expect(schedule).toHaveAccessibleDescription('Every day at 06:15');
    await user.clear(screen.getByLabelText('Retries of a job'));
    await user.type(screen.getByLabelText('Retries of a job'), '7');
    await user.click(save);
    // The form that has sent it is replaced by one of the saved settings.
    await waitFor(() => expect(screen.getByText('Saved.')).toBeVisible());
    expect(screen.getByText('@daily')).toBeVisible();
    const sent = requests.find(({ method }) => method === 'PATCH');
    expect(sent.body).toEqual({ schedule: '15 6 * * *', retries: 7 });
    expect(sent.headers['if-match']).toBe('"1"');
    await user.clear(screen.getByLabelText('Schedule'));
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => {
      const last = requests.findLast(({ method }) => method === 'PATCH');
      expect(last.body).toEqual({ schedule: null });
      expect(last.headers['if-match']).toBe('"2"');
    });
  });

  it('show the next times of what is typed, with changes of the clock, and what is wrong', async () => {
    const { user } = openApp(path);
    const schedule = await screen.findByLabelText('Schedule');
    const times = await screen.findByRole('list', { name: 'Next times' });
    expect(times.children).toHaveLength(5);
    expect(times.children[1]).toHaveTextContent('Sat 13 Mar 2027, 02:30UTC-05:00');
    expect(times.children[2]).toHaveTextContent(/Clocks go forward on this day/);
    expect(times.children[2].querySelector('svg')).not.toBeNull();
    expect(screen.getByText(/made up for by one run/)).toHaveTextContent('missed: last');
    await user.clear(schedule);
    await user.type(schedule, '30 25 * * *');
    // What is asked for on the way there may be wrong too.
    await waitFor(() => expect(asked().at(-1).query.get('cron')).toBe('30 25 * * *'));
    await waitFor(() => {
      expect(schedule).toHaveAccessibleDescription(/found "25"/);
      expect(schedule).toBeInvalid();
    });
    expect(asked()[0].query.get('cron')).toBe('30 22 * * 1-5');
    expect(asked()[0].query.get('timezone')).toBe('America/New_York');
    expect(screen.queryByRole('list', { name: 'Next times' })).toBeNull();
  });

  it('go back to the file, one or all, and the last is undone', async () => {
    const { user } = openApp(path);
    const use = await screen.findByRole('button', { name: /^Use it for Schedule/ });
    expect(screen.queryByRole('button', { name: /^Use it for Retries/ })).toBeNull();
    await user.click(use);
    expect(screen.getByLabelText('Schedule')).toHaveValue('@daily');
    await user.click(screen.getByRole('button', { name: 'Go back to the file' }));
    await user.click(await screen.findByRole('button', { name: 'Undo' }));
    await waitFor(() => expect(requests.some(({ method }) => method === 'PATCH')).toBe(true));
    const [back, again] = ['DELETE', 'PATCH'].map((wanted) =>
      requests.find(({ method }) => method === wanted),
    );
    expect(back.path).toBe('/ingestion/pipelines/sp500-daily/overrides');
    expect(back.headers['if-match']).toBe('"1"');
    expect(again.body).toEqual({ schedule: '30 22 * * 1-5', retries: 3 });
    await waitFor(() => expect(screen.getByLabelText('Schedule')).toHaveValue('30 22 * * 1-5'));
    expect(screen.queryByText('The file’s settings hold again')).toBeNull();
  });

  it('say at the field what the host does not take', async () => {
    const { user } = openApp(path, {
      change: {
        status: 422,
        body: problem(422, {
          title: 'Invalid',
          errors: [{ pointer: '/parallelism', detail: 'parallelism is a whole number' }],
        }),
      },
    });
    const field = await screen.findByLabelText('Tasks at once');
    await user.clear(field);
    await user.type(field, 'many');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(field).toHaveAccessibleDescription(/is a whole number/));
    expect(requests.find(({ method }) => method === 'PATCH').body).toEqual({ parallelism: 'many' });
  });

  it('are not saved over those of somebody else', async () => {
    const { host, user } = openApp(path, {
      change: { status: 412, body: problem(412, { title: 'It was changed meanwhile' }) },
    });
    const field = await screen.findByLabelText('Retries of a job');
    await user.clear(field);
    await user.type(field, '9');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText('Somebody else has changed these settings')).toBeVisible();
    host.pipelines = [pipeline('sp500-daily', { retries: 4 })];
    host.etag = '"3"';
    await user.click(screen.getByRole('button', { name: 'Load the present settings' }));
    await waitFor(() => expect(screen.getByLabelText('Retries of a job')).toHaveValue('4'));
  });

  it('are shown and not changed by others than administrators', async () => {
    openApp(path, { user: { username: 'sara', role: 'data_scientist' } });
    expect(await screen.findByLabelText('Schedule')).toHaveAttribute('readonly');
    expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
  });
});

async function fillWindow(from, to) {
  fireEvent.change(await screen.findByLabelText(/^From/), { target: { value: from } });
  fireEvent.change(screen.getByLabelText(/^Before/), { target: { value: to } });
}

describe('a backfill', () => {
  it('shows the times of its window, is started, followed and stopped', async () => {
    const { user, router } = openApp('/pipelines/sp500-daily?view=list');
    await user.click(await screen.findByRole('button', { name: 'Backfill…' }));
    const start = await screen.findByRole('button', { name: 'Start the backfill' });
    await user.click(start);
    expect(screen.getAllByText('Choose a day and a time.')).toHaveLength(2);
    expect(screen.getByLabelText(/^From/)).toHaveFocus();
    await fillWindow('2026-10-21T00:00', '2026-10-01T00:00');
    await user.click(start);
    expect(screen.getByText('This is not behind “From”.')).toBeVisible();
    await fillWindow('2026-10-01T00:00', '2026-10-21T00:00');
    expect(await screen.findByText(/^20 runs: for Thu 1 Oct 2026, 02:30 to/)).toBeVisible();
    await user.click(start);
    expect(await screen.findByText('The backfill has begun')).toBeVisible();
    const sent = requests.find(({ method }) => method === 'POST');
    expect(sent.path).toBe('/ingestion/pipelines/sp500-daily/backfill');
    expect(sent.body).toEqual({ from: '2026-10-01T04:00:00.000Z', to: '2026-10-21T04:00:00.000Z' });
    expect(sent.headers['idempotency-key']).toBeTruthy();
    expect(router.state.location.search).toEqual({ view: 'list', tab: 'backfills' });
    const table = within(await screen.findByRole('region', { name: 'Backfills' }));
    expect(table.getAllByRole('row')).toHaveLength(5);
    expect(table.getByText('12 of 30')).toHaveTextContent('1 failed');
    expect(table.getByText(/Missed times, by itself/)).toBeVisible();
    await user.click(table.getByRole('button', { name: 'Stop the backfill of 30 runs' }));
    expect(await table.findAllByText('Cancelled')).toHaveLength(2);
    expect(table.queryByRole('button', { name: /^Stop/ })).toBeNull();
  });

  it('says at each field what the host does not take, also where a parameter is called the same', async () => {
    const asking = {
      ...pipelines.find(({ id }) => id === 'hospital-backfill'),
      schedule: '@daily',
    };
    const errors = [
      { pointer: '/to', detail: 'to is in the future' },
      { pointer: '/params/from', detail: 'from is no date' },
    ];
    const { user } = openApp('/pipelines/hospital-backfill?dialog=backfill&view=list', {
      pipelines: [asking],
      startBackfill: { status: 422, body: problem(422, { title: 'Invalid', errors }) },
    });
    await fillWindow('2026-10-01T00:00', '2026-10-21T00:00');
    fireEvent.change(screen.getByLabelText(/^First day/), { target: { value: '2026-01-01' } });
    fireEvent.change(screen.getByLabelText(/^Last day/), { target: { value: '2026-01-02' } });
    await user.click(screen.getByRole('button', { name: 'Start the backfill' }));
    const before = screen.getByLabelText(/^Before/);
    await waitFor(() => expect(before).toHaveAccessibleDescription(/to is in the future/));
    expect(screen.getByLabelText(/^First day/)).toHaveAccessibleDescription(/from is no date/);
    expect(screen.getByLabelText(/^From/)).toBeValid();
    expect(requests.find(({ method }) => method === 'POST').body.params).toEqual({
      from: '2026-01-01',
      until: '2026-01-02',
      batch: 500,
    });
  });

  it('is not offered without a schedule, nor to a viewer', async () => {
    openApp('/pipelines/flights-on-time?view=list');
    expect(await screen.findByRole('button', { name: 'Run now' })).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Backfill…' })).toBeNull();
  });
});

describe('a pause', () => {
  it('of all is told with since when, and a start says that it is one', async () => {
    const { user } = openApp('/pipelines/vix-close?view=list', {
      system: { paused: true, paused_at: '2026-11-23T13:02:11.000Z' },
      trigger: {
        status: 409,
        body: problem(409, { title: 'Conflict', detail: 'All is paused, since 13:02.' }),
      },
    });
    const notice = (await screen.findByText('All pipelines are paused')).closest('.panel');
    expect(notice).toHaveTextContent('23 Nov 2026, 13:02:11 UTC');
    expect(notice).toHaveTextContent('headgate resume');
    await user.click(screen.getByRole('button', { name: 'Run now' }));
    expect(await screen.findByText('All is paused, since 13:02.')).toBeVisible();
    expect(screen.queryByText('This pipeline already has a run under way')).toBeNull();
  });

  it('of one pipeline is ended at once', async () => {
    const { user } = openApp('/pipelines/vix-close?view=list');
    await user.click(await screen.findByRole('button', { name: 'Resume the schedule' }));
    await waitFor(() => expect(screen.queryByText('This pipeline is paused')).toBeNull());
    expect(requests.find(({ method }) => method === 'PATCH').body).toEqual({ enabled: true });
  });
});
