import { describe, expect, it, vi } from 'vitest';
import { createQueryClient, jobLogQuery } from '../../src/api/queries.js';
import { copyText } from '../../src/lib/handOver.js';
import { lineMatches, linesText, splitMatches } from '../../src/lib/joblog.js';
import { hostIs, requests } from '../server.js';

const line = (message, fields) => ({
  at: '2026-11-25T04:30:27.875Z',
  level: 'info',
  message,
  attempt: 1,
  ...fields,
});

describe('the lines of a log', () => {
  it('stand in a file with full time, level and further attempts', () => {
    const lines = [
      line('a'),
      line('b', { level: 'warning', attempt: 2 }),
      line('c', { attempt: 2 }),
    ];
    expect(linesText(lines)).toBe(
      [
        '2026-11-25T04:30:27.875Z info    a',
        '--- attempt 2 ---',
        '2026-11-25T04:30:27.875Z warning b',
        '2026-11-25T04:30:27.875Z info    c',
        '',
      ].join('\n'),
    );
    expect(linesText(lines.slice(1), 2)).not.toContain('attempt');
    expect(linesText([])).toBe('');
  });

  it('are found by what they say in any case, or by their whole level', () => {
    expect(lineMatches(line('Read 5 Rows'), 'rows')).toBe(true);
    expect(lineMatches(line('x', { level: 'error' }), 'Error')).toBe(true);
    expect(lineMatches(line('x', { level: 'error' }), 'err')).toBe(false);
    expect(lineMatches(line('a.c'), 'a*c')).toBe(false);
  });

  it('are taken apart at what was found', () => {
    expect(splitMatches('a no b NO', 'no')).toEqual(['a ', 'no', ' b ', 'NO', '']);
    expect(splitMatches('abc', '')).toEqual(['abc']);
    expect(splitMatches('abc', 'x')).toEqual(['abc']);
    expect(splitMatches('İstanbul', 'tan').join('')).toBe('İstanbul');
  });
});

describe('copying', () => {
  it('answers the copy event where the browser offers no clipboard', async () => {
    vi.stubGlobal('navigator', {});
    const setData = vi.fn();
    document.execCommand = () => {
      const event = new Event('copy');
      event.clipboardData = { setData };
      return document.dispatchEvent(event);
    };
    expect(await copyText('text')).toBe(true);
    expect(setData).toHaveBeenCalledWith('text/plain', 'text');
    document.execCommand = () => false;
    expect(await copyText('text')).toBe(false);
    delete document.execCommand;
    vi.unstubAllGlobals();
  });
});

const cursors = () => requests.map(({ query }) => query.get('cursor'));
const linesOf = (count) => Array.from({ length: count }, (_, at) => line(`line ${at}`));

describe('the log as it is asked for', () => {
  it('goes on where it stopped, and keeps the newest lines', async () => {
    const client = createQueryClient({ retry: 0 });
    const query = { ...jobLogQuery('r', 'j', false), staleTime: 0 };
    hostIs({ logs: linesOf(10_200) });
    const first = await client.fetchQuery(query);
    expect(first).toMatchObject({ more: true, dropped: 0 });
    expect(first.pages).toHaveLength(20);
    requests.length = 0;
    const second = await client.fetchQuery(query);
    expect(cursors()).toEqual(['9500', '10000']);
    expect(second).toMatchObject({ more: false, dropped: 500 });
    expect(second.pages).toHaveLength(20);
    expect(second.pages[0]).toBe(first.pages[1]);
    expect(second.pages.at(-1).items.at(-1).message).toBe('line 10199');
  });

  it('of a job that is over begins with what was seen while it ran', async () => {
    const client = createQueryClient({ retry: 0 });
    hostIs({ logs: linesOf(700) });
    await client.fetchQuery(jobLogQuery('r', 'j', true));
    hostIs({ logs: linesOf(900) });
    const whole = await client.fetchQuery(jobLogQuery('r', 'j', false));
    expect(cursors()).toEqual(['500']);
    expect(whole.pages.map(({ items }) => items.length)).toEqual([500, 400]);
  });
});
