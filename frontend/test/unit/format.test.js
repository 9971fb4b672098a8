// @vitest-environment node
import { describe, expect, it } from 'vitest';
import {
  formatAbsolute,
  formatAmount,
  formatChange,
  formatClock,
  formatCompactCount,
  formatCount,
  formatDuration,
  formatLocalTime,
  formatEstimate,
  formatRelative,
  NOTHING,
  zoneName,
} from '../../src/lib/format.js';

describe('counts', () => {
  it('groups thousands of numbers and of the decimal texts that int64 comes as', () => {
    expect(formatCount(1204118)).toBe('1,204,118');
    expect(formatCount('9007199254740993')).toBe('9,007,199,254,740,993');
    expect(formatCount('-12')).toBe('-12');
    expect(formatCount(0)).toBe('0');
  });

  it('shows a dash for what is missing, and any other text as it came', () => {
    expect(formatCount(null)).toBe(NOTHING);
    expect(formatCount(undefined)).toBe(NOTHING);
    expect(formatCount(Number.NaN)).toBe(NOTHING);
    expect(formatCount('12.5')).toBe('12.5');
  });

  it('says of an estimate that it is one, and nothing of what was not counted', () => {
    expect(formatEstimate(5000)).toBe('5,000');
    expect(formatEstimate(5000, false)).toBe('about 5,000');
    expect(formatEstimate(null, false)).toBe(NOTHING);
  });

  it('shortens only large counts', () => {
    expect(formatCompactCount(9999)).toBe('9,999');
    expect(formatCompactCount(1204118)).toBe('1.2 M');
    expect(formatCompactCount('38420')).toBe('38.4 K');
    expect(formatCompactCount(null)).toBe(NOTHING);
  });

  it('agrees in number', () => {
    expect(formatAmount(1, 'row')).toBe('1 row');
    expect(formatAmount('1', 'row')).toBe('1 row');
    expect(formatAmount(0, 'row')).toBe('0 rows');
    expect(formatAmount(2, 'file has', 'files have')).toBe('2 files have');
  });
});

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [412, '412 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [1000, '1.0 s'],
    [50_300, '50.3 s'],
    [59_949, '59.9 s'],
    [59_950, '1m 00s'],
    [412_000, '6m 52s'],
    [7_500_000, '2h 05m'],
    [3 * 86_400_000 + 4 * 3_600_000, '3d 04h'],
    [null, NOTHING],
    [-1, NOTHING],
  ])('%s ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('times', () => {
  const at = '2026-11-23T05:08:07.412Z';
  const now = Date.parse(at);

  it('tells the absolute form with its zone, half-hour zones too', () => {
    expect(formatAbsolute(at, 'UTC')).toBe('23 Nov 2026, 05:08:07 UTC');
    expect(formatAbsolute(at, 'Asia/Kathmandu')).toBe('23 Nov 2026, 10:53:07 GMT+5:45');
    expect(formatAbsolute(at, 'America/St_Johns')).toBe('23 Nov 2026, 01:38:07 GMT-3:30');
    expect(formatClock(at, 'Asia/Kathmandu')).toBe('10:53:07.412');
  });

  it('follows the change of summer time', () => {
    expect(formatAbsolute('2026-03-29T00:59:59Z', 'Europe/Berlin')).toContain('01:59:59');
    expect(formatAbsolute('2026-03-29T01:00:00Z', 'Europe/Berlin')).toContain('03:00:00');
  });

  it('shows midnight as 00 and September with three letters', () => {
    expect(formatAbsolute('2026-09-01T00:00:00Z', 'UTC')).toBe('1 Sep 2026, 00:00:00 UTC');
  });

  it.each([
    [0, 'just now'],
    [999, 'just now'],
    [1000, '1s ago'],
    [7 * 60_000, '7m ago'],
    [3 * 3_600_000, '3h ago'],
    [6 * 86_400_000, '6d ago'],
    [8 * 86_400_000, '23 Nov 2026'],
    [-2 * 3_600_000, 'in 2h'],
  ])('%s ms later it reads %s', (later, text) => {
    expect(formatRelative(at, now + later, 'UTC')).toBe(text);
  });

  it('shows a dash for no time and for a broken one', () => {
    expect(formatAbsolute(null, 'UTC')).toBe(NOTHING);
    expect(formatRelative('soon', now, 'UTC')).toBe(NOTHING);
  });

  it('names zones', () => {
    expect(zoneName('UTC', now)).toBe('UTC');
    expect(zoneName('Asia/Kathmandu', now)).toBe('GMT+5:45');
  });
});

it('tells the time of the wall as it is written, in any zone', () => {
  expect(formatLocalTime('2026-03-08T03:00:00-04:00')).toBe('Sun 8 Mar 2026, 03:00');
  expect(formatLocalTime('2026-11-27T23:45:00+05:45')).toBe('Fri 27 Nov 2026, 23:45');
  expect(formatLocalTime('nonsense')).toBe('–');
});

it('writes a difference with its sign', () => {
  expect(formatChange(1200, formatDuration)).toBe('+1.2 s');
  expect(formatChange(-38, formatCount)).toBe('−38');
  expect(formatChange(0, formatCount)).toBe('no change');
  expect(formatChange(null, formatCount)).toBe('–');
});
