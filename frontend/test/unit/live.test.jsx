import { act, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openApp } from '../app.jsx';
import { BLOCKED_RETRY_MS, createSocket, RETRY_MAX_MS, TRIES } from '../../src/api/socket.js';
import { isTouched } from '../../src/api/live.js';
import { POLL_LIVE_MS } from '../../src/api/queries.js';
import { alert, channels } from '../fixtures/settings.js';
import { requests } from '../server.js';

/** The connections that were asked for, the newest last. */
let sockets;

class FakeSocket {
  constructor(url) {
    this.url = new URL(url);
    this.listeners = { open: [], message: [], close: [] };
    this.closed = false;
    sockets.push(this);
  }

  addEventListener(kind, listener) {
    this.listeners[kind].push(listener);
  }

  close() {
    this.closed = true;
  }

  open() {
    for (const listener of this.listeners.open) listener({});
  }

  say(message) {
    const data = typeof message === 'string' ? message : JSON.stringify(message);
    for (const listener of this.listeners.message) listener({ data });
  }

  end(code = 1006) {
    for (const listener of this.listeners.close) listener({ code });
  }
}

const newest = () => sockets.at(-1);

/** Lets what waits for the session's answer go on. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  sockets = [];
});

describe('the socket', () => {
  let heard;
  let session;
  let socket;

  function begin(options) {
    heard = { states: [], messages: [], resyncs: 0, signedOut: 0 };
    session = async () => true;
    socket = createSocket({
      url: (lastId) => `ws://host/events${lastId ? `?last_event_id=${lastId}` : ''}`,
      checkSession: () => session(),
      onState: (state) => heard.states.push(state),
      onMessage: (message) => heard.messages.push(message),
      onResync: () => (heard.resyncs += 1),
      onSignedOut: () => (heard.signedOut += 1),
      Socket: FakeSocket,
      random: () => 1,
      ...options,
    });
  }

  beforeEach(() => vi.useFakeTimers());
  afterEach(() => {
    socket.stop();
    vi.useRealTimers();
  });

  it('reads the state once it is open, and passes on what is told', () => {
    begin();
    expect(heard.resyncs).toBe(0);
    newest().open();
    expect(heard).toMatchObject({ states: ['live'], resyncs: 1 });
    newest().say({ id: 'b-1', type: 'run.updated', data: { id: 'r' } });
    newest().say('no JSON');
    newest().say('null');
    newest().say({ id: 'b-2', type: 'resync', data: null });
    expect(heard.messages).toEqual([{ id: 'b-1', type: 'run.updated', data: { id: 'r' } }]);
    expect(heard.resyncs).toBe(2);
  });

  it('comes back with the id of the last message, and reads nothing anew', async () => {
    begin();
    newest().open();
    newest().say({ id: 'b-7', type: 'run.updated', data: {} });
    newest().end();
    await settle();
    expect(heard.states).toEqual(['live', 'waiting']);
    await vi.advanceTimersByTimeAsync(499);
    expect(sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(newest().url.searchParams.get('last_event_id')).toBe('b-7');
    newest().open();
    expect(heard).toMatchObject({ states: ['live', 'waiting', 'live'], resyncs: 1 });
  });

  it('waits longer with each failure, up to a bound, and shortly again after a good while', async () => {
    begin();
    session = async () => {
      throw new Error('the host does not answer');
    };
    const waits = [];
    for (let i = 0; i < 9; i += 1) {
      const before = Date.now();
      const n = sockets.length;
      newest().end();
      while (sockets.length === n) await vi.advanceTimersToNextTimerAsync();
      waits.push(Date.now() - before);
    }
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(waits.slice(-2)).toEqual([RETRY_MAX_MS, RETRY_MAX_MS]);
    expect(heard.states).toEqual([]);
    newest().open();
    await vi.advanceTimersByTimeAsync(10_000);
    newest().end();
    await vi.advanceTimersByTimeAsync(500);
    expect(sockets).toHaveLength(11);
  });

  it('comes back at once when it is asked to show its session again', async () => {
    begin();
    newest().open();
    newest().say({ id: 'b-9', type: 'run.updated', data: {} });
    newest().end(4001);
    await settle();
    expect(sockets).toHaveLength(2);
    expect(newest().url.searchParams.get('last_event_id')).toBe('b-9');
    expect(heard.states).toEqual(['live']);
  });

  it('waits when the host is gone by the time that it asks for the session', async () => {
    begin();
    newest().open();
    session = async () => {
      throw new Error('gone');
    };
    newest().end(4001);
    await settle();
    expect(heard.states).toEqual(['live', 'waiting']);
    await vi.advanceTimersByTimeAsync(500);
    expect(sockets).toHaveLength(2);
  });

  it.each([
    ['asked for it', (s) => (s.open(), s.end(4001))],
    ['refused it', (s) => s.end()],
  ])('ends with the session, when the host %s', async (_, close) => {
    begin();
    session = async () => false;
    close(newest());
    await vi.advanceTimersByTimeAsync(600_000);
    expect(heard.signedOut).toBe(1);
    expect(sockets).toHaveLength(1);
  });

  it('says that it does not get through where the host answers, and tries now and then', async () => {
    begin();
    for (let i = 0; i < TRIES; i += 1) {
      newest().end();
      await settle();
      if (i < TRIES - 1) await vi.advanceTimersToNextTimerAsync();
    }
    expect(heard.states).toEqual(['polling']);
    expect(sockets).toHaveLength(TRIES);
    await vi.advanceTimersByTimeAsync(BLOCKED_RETRY_MS);
    expect(sockets).toHaveLength(TRIES + 1);
    newest().open();
    expect(heard.states).toEqual(['polling', 'live']);
  });

  it('does without where there are no sockets at all', () => {
    begin({
      Socket: class {
        constructor() {
          throw new Error('blocked');
        }
      },
    });
    expect(heard.states).toEqual(['polling']);
  });

  it('does not wait when something changed for the better', async () => {
    begin();
    newest().open();
    newest().end();
    await settle();
    socket.nudge();
    expect(sockets).toHaveLength(2);
    socket.nudge();
    expect(sockets).toHaveLength(2);
  });

  it('is closed once it is open, where it is stopped before', () => {
    begin();
    newest().readyState = 0;
    socket.stop();
    expect(newest().closed).toBe(false);
    newest().open();
    expect(newest().closed).toBe(true);
    expect(heard.states).toEqual([]);
  });

  it('is silent once it is stopped', async () => {
    begin();
    newest().open();
    const last = newest();
    socket.stop();
    expect(last.closed).toBe(true);
    last.say({ id: 'b-1', type: 'run.updated', data: {} });
    last.end();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(heard.messages).toEqual([]);
    expect(sockets).toHaveLength(1);
  });
});

describe('what a message touches', () => {
  const run = { type: 'run.updated', data: { id: 'r', pipeline_id: 'p', status: 'running' } };
  const ended = { type: 'run.updated', data: { ...run.data, status: 'succeeded' } };
  const job = { type: 'job.updated', data: { id: 'load', run_id: 'r', pipeline_id: 'p' } };
  const pipeline = { type: 'pipeline.updated', data: { id: 'p' } };
  const backfill = { type: 'backfill.updated', data: { id: 'b', pipeline_id: 'p' } };

  it.each([
    [run, ['ingestion', 'pipelines'], true],
    [run, ['ingestion', 'pipelines', 'p'], true],
    [run, ['ingestion', 'pipelines', 'p', 'runs'], true],
    [run, ['ingestion', 'pipelines', 'p', 'settings'], false],
    [run, ['ingestion', 'pipelines', 'other'], false],
    [run, ['ingestion', 'runs', 'r'], true],
    [run, ['ingestion', 'runs', 'other'], false],
    [run, ['ingestion', 'runs', 'r', 'jobs', 'load', 'logs', 'growing'], false],
    [run, ['ingestion', 'quarantine', 'p', 'r', 'growing'], false],
    [run, ['datasets'], false],
    [ended, ['ingestion', 'quarantine', 'p', 'r', 'whole'], true],
    [ended, ['datasets'], true],
    [ended, ['datasets', 'm.t', 'rows'], false],
    [job, ['ingestion', 'runs', 'r'], true],
    [job, ['ingestion', 'pipelines', 'p'], true],
    [job, ['datasets'], false],
    [pipeline, ['ingestion', 'pipelines', 'p'], true],
    [pipeline, ['ingestion', 'pipelines', 'p', 'settings'], false],
    [pipeline, ['ingestion', 'runs', 'r'], false],
    [backfill, ['ingestion', 'pipelines', 'p', 'backfills'], true],
    [{ type: 'system.updated', data: { paused: true } }, ['system'], true],
    [{ type: 'system.updated', data: { paused: true } }, ['ingestion', 'pipelines'], false],
    [{ type: 'alert.failed', data: { pipeline_id: 'p' } }, ['alerts', 'log', {}], true],
    [{ type: 'alert.delivered', data: {} }, ['alerts', 'channels'], true],
    [{ type: 'alert.delivered', data: {} }, ['ingestion', 'pipelines'], false],
    [run, ['alerts', 'log', {}], false],
    [{ type: 'run.updated', data: { ...run.data, status: 'failed' } }, ['alerts', 'log', {}], true],
    [{ type: 'of.another.day', data: {} }, ['ingestion', 'pipelines'], false],
  ])('%j and %j: %s', (message, key, touched) => {
    expect(isTouched(key, message)).toBe(touched);
  });
});

const asked = (path) => requests.filter((request) => request.path === path).length;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the timers of before the connection are over; how often was asked by then. */
async function quiet(path) {
  let n = -1;
  while (n !== asked(path)) {
    n = asked(path);
    await pause(1500);
  }
  return n;
}

async function openLive(path, text) {
  const app = openApp(path);
  await screen.findByText(text);
  act(() => newest().open());
  await screen.findByText('Live');
  return app;
}

describe('live updates of the pages', () => {
  beforeEach(() => vi.stubGlobal('WebSocket', FakeSocket));
  afterEach(() => vi.unstubAllGlobals());

  it('are asked for by whoever is signed in, and end with the session', async () => {
    const { user } = await openLive('/pipelines', 'Currency rates');
    expect(newest().url.href).toBe('ws://localhost/api/v1/events?topics=runs%2Calerts');
    await user.click(screen.getByRole('button', { name: 'Account: admin' }));
    await user.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
    await screen.findByLabelText('User name');
    expect(newest().closed).toBe(true);
  });

  it('are not asked for by whoever is not', async () => {
    openApp('/sign-in', { user: null });
    await screen.findByLabelText('User name');
    expect(sockets).toHaveLength(0);
  });

  it('show a change as soon as it is told', async () => {
    const { host } = await openLive('/pipelines', 'Currency rates');
    await quiet('/ingestion/pipelines');
    const { pipelines } = await import('../fixtures/data.js');
    host.pipelines = pipelines.map((p) =>
      p.name === 'Currency rates' ? { ...p, name: 'Told anew' } : p,
    );
    act(() =>
      newest().say({
        id: 'b-1',
        type: 'run.updated',
        data: { id: 'r', pipeline_id: 'currency-rates', status: 'running' },
      }),
    );
    expect(await screen.findByText('Told anew')).toBeVisible();
  });

  it.each([
    ['/settings/alerts', /oncall@example.com/, ['alerts', 'channels']],
    ['/settings/alerts?tab=log', 'Told to', ['alerts', 'log']],
    [`/settings/alerts/${channels[0].id}`, /3 attempts failed/, ['alerts', 'channels']],
    ['/pipelines/sp500-daily?view=list&tab=backfills', '12 of 30', ['ingestion', 'pipelines']],
  ])('let %s look again now and then only', async (path, text, key) => {
    const { queryClient } = await openLive(path, text);
    // The timers are set anew with the next answer.
    const intervals = queryClient
      .getQueryCache()
      .findAll({ queryKey: key, type: 'active' })
      .filter(({ options }) => options.refetchInterval)
      .map((query) => query.observers[0].options.refetchInterval(query));
    expect(intervals).not.toHaveLength(0);
    for (const interval of intervals) expect(interval).toBeGreaterThanOrEqual(POLL_LIVE_MS);
  });

  it('show a delivery in the log as soon as it is told', async () => {
    const { host } = await openLive('/settings/alerts?tab=log', 'Told to');
    await quiet('/alerts');
    host.alerts = [alert(99, { summary: 'Told just now' })];
    act(() => newest().say({ id: 'b-1', type: 'alert.delivered', data: { pipeline_id: 'p' } }));
    expect(await screen.findByText(/Told just now/)).toBeVisible();
  });

  it('ask once for what many messages tell of', async () => {
    await openLive('/pipelines', 'Currency rates');
    const before = await quiet('/ingestion/pipelines');
    act(() => {
      for (let i = 0; i < 500; i += 1) {
        newest().say({ id: `b-${i}`, type: 'pipeline.updated', data: { id: 'p' } });
      }
    });
    await waitFor(() => expect(asked('/ingestion/pipelines')).toBe(before + 1));
    await pause(300);
    expect(asked('/ingestion/pipelines')).toBe(before + 1);
  });

  it('are replaced by asking again where they are lost, which the page says', async () => {
    await openLive('/pipelines', 'Currency rates');
    const before = await quiet('/ingestion/pipelines');
    act(() => newest().end());
    expect(await screen.findByText('Reconnecting')).toBeVisible();
    await waitFor(() => expect(asked('/ingestion/pipelines')).toBeGreaterThan(before + 1));
  });

  it('lead to sign in when the session has ended meanwhile', async () => {
    const { host } = await openLive('/pipelines', 'Currency rates');
    host.user = null;
    act(() => newest().end(4001));
    expect(await screen.findByLabelText('User name')).toBeVisible();
  });
});
