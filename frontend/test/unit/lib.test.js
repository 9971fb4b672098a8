import { describe, expect, it } from 'vitest';
import {
  cellText,
  columnWidth,
  isNumericType,
  mayBeCut,
  textWidth,
} from '../../src/lib/columns.js';
import { draftsOf, fieldErrors, paramFields, paramsOf } from '../../src/lib/params.js';
import {
  asSentence,
  countByState,
  errorParts,
  jobsOfRun,
  messageHeading,
  newestRun,
  positionText,
} from '../../src/lib/runs.js';
import { clockNote, describeMissed, describeSchedule } from '../../src/lib/schedule.js';
import { fileDrafts } from '../../src/lib/settings.js';
import { describeState, isActive, pipelineState } from '../../src/lib/status.js';
import {
  anyText,
  oneOf,
  parseSearch,
  safeReturn,
  searchOf,
  stringifySearch,
} from '../../src/lib/url.js';
import { gridMove } from '../../src/components/tables/useGridKeys.js';
import { backfillWindow, progressOf, timesWithin, windowErrors } from '../../src/lib/backfill.js';
import { compareRuns } from '../../src/lib/compare.js';
import { timelineOf } from '../../src/lib/timeline.js';
import { placeOf } from '../../src/components/panels/BrokenPipelineFiles.jsx';

describe('the address', () => {
  it('keeps search parameters readable, both ways', () => {
    const search = { q: 'a b&c=ü', status: 'failed' };
    expect(stringifySearch(search)).toBe('?q=a+b%26c%3D%C3%BC&status=failed');
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });

  it('leaves out what is empty', () => {
    expect(stringifySearch({ q: undefined, a: null, b: '' })).toBe('');
  });

  it('takes the first of a repeated parameter and no inherited name', () => {
    expect(parseSearch('?run=a&run=b')).toEqual({ run: 'a' });
    expect(parseSearch('?constructor=x').constructor).toBe('x');
  });

  it('drops unknown, hostile and unfit parameters', () => {
    const validate = searchOf({ view: oneOf('graph', 'list'), q: anyText });
    expect(validate({ view: 'list', q: 'x', tab: 'leak' })).toEqual({ view: 'list', q: 'x' });
    expect(validate({ view: '<script>', q: 'x'.repeat(201) })).toEqual({});
    expect(validate({ q: ['a'] })).toEqual({});
  });

  it.each([
    ['/pipelines/a?run=1', '/pipelines/a?run=1'],
    ['//evil.example/x', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/sign-in?return=/sign-in', '/'],
    [undefined, '/'],
  ])('after sign-in %s leads to %s', (target, path) => {
    expect(safeReturn(target)).toBe(path);
  });
});

describe('states', () => {
  it('knows which still go on', () => {
    expect(['queued', 'running', 'retrying'].every(isActive)).toBe(true);
    expect(['succeeded', 'failed', 'cancelled', 'skipped', 'paused', 'idle'].some(isActive)).toBe(
      false,
    );
  });

  it('shows a word of a later version as it came', () => {
    expect(describeState('dreaming')).toMatchObject({
      status: 'unknown',
      word: 'Unknown (dreaming)',
    });
    expect(describeState('toString').status).toBe('unknown');
    expect(describeState(undefined).word).toBe('Unknown');
  });

  it('calls a pipeline with errors broken whatever its last run did', () => {
    expect(pipelineState({ status: 'succeeded', errors: [{ line: 1 }] })).toBe('broken');
    expect(pipelineState({ status: 'succeeded', errors: [] })).toBe('succeeded');
    const removed = { status: 'paused', errors: [{ line: null }], file_missing: true };
    expect(pipelineState(removed)).toBe('paused');
  });
});

describe('jobs of a run', () => {
  const jobs = [
    { id: 'a', name: 'A', type: 'extract', needs: [], status: 'succeeded' },
    { id: 'b', name: 'B', type: 'load', needs: ['a'], status: 'failed' },
  ];

  it('takes shape from the pipeline and states from the run', () => {
    const run = { jobs: [{ id: 'a', type: 'extract', status: 'running', rows_out: 7 }] };
    const [a, b] = jobsOfRun(jobs, run);
    expect(a).toMatchObject({ name: 'A', needs: [], status: 'running', rows_out: 7, inRun: true });
    expect(b).toMatchObject({ status: 'unknown', inRun: false });
  });

  it('shows each job’s own last state without a run', () => {
    expect(jobsOfRun(jobs, null).map(({ status }) => status)).toEqual(['succeeded', 'failed']);
  });

  it('keeps a job that the file no longer has', () => {
    const run = { jobs: [{ id: 'old', type: 'check', status: 'succeeded' }] };
    expect(jobsOfRun(jobs, run).at(-1)).toMatchObject({ id: 'old', needs: [], removed: true });
  });

  it('counts states, most asking first', () => {
    const counted = countByState(
      [{ status: 'succeeded' }, { status: 'failed' }, { status: 'succeeded' }, { status: 'odd' }],
      ['failed', 'succeeded'],
    );
    expect(counted).toEqual([
      ['failed', 1],
      ['succeeded', 2],
      ['odd', 1],
    ]);
  });

  it('reads an error that is a text or an object', () => {
    expect(errorParts('lost')).toEqual({ message: 'lost', hint: null });
    expect(errorParts({ message: 'lost', hint: 'look' })).toEqual({
      message: 'lost',
      hint: 'look',
    });
    expect(errorParts({ detail: 'why' }).message).toBe('why');
    expect(errorParts(null)).toBeNull();
  });

  it('says where a rejected row stood', () => {
    expect(positionText(2311)).toBe('line 2311');
    expect(positionText('2311')).toBe('line 2311');
    expect(positionText('page 3, item 7')).toBe('page 3, item 7');
    expect(positionText(null)).toBe('');
  });
});

describe('parameters', () => {
  const fields = paramFields({
    type: 'object',
    required: ['from', 'limit'],
    properties: {
      from: { type: 'string', format: 'date', title: 'First day' },
      limit: { type: 'integer', default: 10 },
      mode: { enum: ['a', 2, null] },
      dry: { type: 'boolean' },
      note: { type: 'string' },
      codes: { type: 'array' },
    },
  });

  it('become fields in their order, needed when required and without a default', () => {
    expect(fields.map(({ name, kind, required }) => [name, kind, required])).toEqual([
      ['from', 'date', true],
      ['limit', 'number', false],
      ['mode', 'choice', false],
      ['dry', 'switch', false],
      ['note', 'text', false],
      ['codes', 'json', false],
    ]);
    expect(fields[0].label).toBe('First day');
    expect(paramFields(null)).toEqual([]);
  });

  it('go from values to drafts and back unchanged', () => {
    const params = { from: '2026-01-02', limit: 0.5, mode: 2, dry: false, note: '7', codes: ['x'] };
    expect(paramsOf(fields, draftsOf(fields, params))).toEqual({ params, errors: {} });
  });

  it('start with the defaults, and leave out what is empty', () => {
    const drafts = draftsOf(fields);
    expect(drafts).toMatchObject({ from: '', limit: '10', note: '' });
    expect(paramsOf(fields, { ...drafts, from: '2026-01-02' }).params).toEqual({
      from: '2026-01-02',
      limit: 10,
    });
  });

  it.each([
    ['from', '', 'needs a value'],
    ['limit', 'ten', 'not a number'],
    ['limit', '9007199254740993', 'too many digits'],
    ['codes', '[', 'not JSON'],
  ])('%s cannot be %s', (name, draft, message) => {
    const { errors } = paramsOf(fields, { from: '2026-01-02', [name]: draft });
    expect(Object.keys(errors)).toEqual([name]);
    expect(errors[name]).toContain(message);
  });

  it("are told apart in the host's errors", () => {
    const errors = [
      { pointer: '/params/from', detail: 'is no date' },
      { pointer: '/params/codes/0', detail: 'is no text' },
      { pointer: '/params', detail: 'is odd' },
      { pointer: '/params/else', detail: 'is unknown' },
    ];
    const { byName, rest } = fieldErrors(fields, errors);
    expect(byName).toEqual({ from: 'is no date', codes: 'is no text' });
    expect(rest.map(({ pointer }) => pointer)).toEqual(['/params', '/params/else']);
  });
});

describe('schedules in words', () => {
  it.each([
    ['@daily', 'Every day at 00:00'],
    ['30 22 * * 1-5', 'Monday to Friday at 22:30'],
    ['5 4 * * *', 'Every day at 04:05'],
    ['0 9 * * 0,7', 'Sunday at 09:00'],
    ['*/15 * * * *', 'Every 15 minutes'],
    ['0 */6 * * *', 'Every 6 hours'],
    ['10 * * * *', 'Every hour, at minute 10'],
    ['0 0 1 * *', 'On day 1 of every month at 00:00'],
    ['0 0 1 * 1', null],
    ['1,2 3-4 * * *', null],
    ['0 0 1 1 *', 'Every year on 1 January at 00:00'],
    ['30 25 * * *', null],
    ['60 4 * * *', null],
    ['@yearly', 'Every year on 1 January at 00:00'],
    ['@annually', 'Every year on 1 January at 00:00'],
    ['15 6 24 12 *', 'Every year on 24 December at 06:15'],
    ['15 6 1 * *', 'On day 1 of every month at 06:15'],
    ['15 6 0 * *', null],
    ['15 6 1 13 *', null],
    ['15 6 1 1 1', null],
    ['*/5 * * 6 *', null],
    ['constructor', null],
    ['nonsense', null],
    [null, null],
  ])('%s is %s', (cron, words) => {
    expect(describeSchedule(cron)).toBe(words);
  });
});

describe('runs that did not start', () => {
  const ran = { id: 'ran', status: 'failed' };
  const skipped = { id: 'skipped', status: 'skipped', error: { code: 'conflict' } };
  const missed = { id: 'missed', status: 'skipped', error: { code: 'cancelled' } };

  it('are passed over for the newest one', () => {
    expect(newestRun([skipped, missed, ran])).toBe(ran);
    expect(newestRun([skipped, missed], ran)).toBe(ran);
    expect(newestRun([skipped])).toBe(skipped);
    expect(newestRun([])).toBeNull();
    expect(newestRun([], ran)).toBeNull();
  });

  it('have jobs that did not run either', () => {
    const jobs = [{ id: 'load', type: 'load', status: 'succeeded' }];
    expect(jobsOfRun(jobs, { ...skipped, jobs: [] })[0].status).toBe('skipped');
    expect(jobsOfRun(jobs, { ...ran, jobs: [] })[0].status).toBe('unknown');
  });

  it('are headed by what happened to them, as is every other message of a run', () => {
    expect(messageHeading(skipped).title).toMatch(/^Skipped/);
    expect(messageHeading(missed).title).toMatch(/^Missed/);
    expect(messageHeading(ran)).toEqual({ title: 'The run failed', tone: 'failed' });
    expect(messageHeading({ status: 'cancelled' }).title).toBe('The run was stopped');
    expect(messageHeading({ status: 'running' }).title).toBe('A job of this run failed');
  });
});

describe('changes of the clock', () => {
  const change = { offset_before: '-05:00', offset_after: '-04:00' };

  it.each([
    ['moved', /leave the written time out/, true],
    ['first_of_two', /the first/, true],
    ['second_of_two', /the second/, true],
    ['none', /from UTC-05:00 to UTC-04:00/, false],
    ['toString', /from UTC-05:00/, false],
  ])('%s', (effect, words, moves) => {
    const note = clockNote({ ...change, effect });
    expect(note.text).toMatch(words);
    expect(note.moves).toBe(moves);
  });
});

it('says what becomes of missed times', () => {
  expect(describeMissed('all')).toMatch(/each made up for/);
  expect(describeMissed('valueOf')).toBeNull();
});

it('shows what the file says only where it is another thing', () => {
  const pipeline = {
    schedule: '@daily',
    timezone: null,
    parallelism: 2,
    retries: 3,
    enabled: true,
  };
  const changed = { ...pipeline, schedule: null, enabled: false };
  const overrides = { schedule: null, enabled: false, retries: 3 };
  expect(fileDrafts({ ...changed, overrides, file_settings: pipeline })).toEqual({
    schedule: '@daily',
    enabled: true,
  });
  expect(fileDrafts({ ...changed, overrides, file_settings: null })).toEqual({});
});

it.each([
  ['run 5 was still under way', 'Run 5 was still under way.'],
  ['ended.', 'Ended.'],
  ['http://127.0.0.1:9 is not called', 'http://127.0.0.1:9 is not called.'],
  ['orders-sql failed: boom', 'orders-sql failed: boom.'],
  ['prices.csv: 3 rows read', 'prices.csv: 3 rows read.'],
  ['what now?', 'What now?'],
  ['', ''],
])('“%s” is a sentence as “%s”', (text, sentence) => expect(asSentence(text)).toBe(sentence));

describe('the window of a backfill', () => {
  it('is read on the clock of the schedule', () => {
    const drafts = { from: '2026-03-08T00:00', to: '2026-03-09T00:00' };
    expect(backfillWindow(drafts, 'America/New_York')).toEqual({
      from: '2026-03-08T05:00:00.000Z',
      to: '2026-03-09T04:00:00.000Z',
    });
    expect(backfillWindow(drafts, 'Asia/Kathmandu').from).toBe('2026-03-07T18:15:00.000Z');
  });

  it('is none while an end is missing, wrong, or before the other', () => {
    const to = '2026-03-09T00:00';
    expect(backfillWindow({ from: '', to }, 'UTC')).toBeNull();
    expect(backfillWindow({ from: 'soon', to }, 'UTC')).toBeNull();
    expect(backfillWindow({ from: to, to }, 'UTC')).toBeNull();
    expect(backfillWindow({ from: '2026-03-08T00:00', to }, 'Moon/Tycho')).toBeNull();
  });

  it('knows its times as far as they were asked for', () => {
    const times = ['2026-03-08T07:30:00Z', '2026-03-09T07:30:00Z'].map((at) => ({ at }));
    expect(timesWithin(times, { to: '2026-03-09T00:00:00Z' })).toEqual({
      count: 1,
      first: times[0],
      last: times[0],
      more: false,
    });
    expect(timesWithin(times, { to: '2026-03-10T00:00:00Z' })).toMatchObject({
      count: 2,
      more: true,
    });
    expect(timesWithin(times, { to: '2026-03-08T07:30:00Z' })).toMatchObject({
      count: 0,
      more: false,
    });
  });

  it('takes only its own errors, and a progress counts runs that ended', () => {
    const errors = [
      { pointer: '/to', detail: 'in the future' },
      { pointer: '/params/to', detail: 'other' },
    ];
    expect(windowErrors({ errors })).toEqual({ '/to': 'in the future' });
    expect(progressOf({ runs: 4, runs_succeeded: 2, runs_failed: 1 })).toBe(0.75);
    expect(progressOf({ runs: 0, runs_succeeded: 0, runs_failed: 0 })).toBe(0);
  });
});

const at = (second) => new Date(Date.UTC(2026, 10, 23, 14, 0, second)).toISOString();

describe('the timeline of a run', () => {
  const jobs = [
    { id: 'a', needs: [], started_at: at(1), finished_at: at(4), inRun: true },
    { id: 'b', needs: ['a'], started_at: at(6), finished_at: at(10), inRun: true },
    { id: 'gone', needs: ['x'], started_at: null, finished_at: null, inRun: false },
  ];
  const over = { queued_at: at(0), finished_at: at(10) };

  it('tells waiting, ready and running apart, from the moment the run was queued', () => {
    const { lengthMs, rows } = timelineOf(over, jobs, 0);
    expect(lengthMs).toBe(10_000);
    expect(rows.map(({ needsMs, queueMs, runMs }) => [needsMs, queueMs, runMs])).toEqual([
      [0, 1000, 3000],
      [4000, 2000, 4000],
    ]);
    expect(rows[1].parts).toEqual([
      { kind: 'needs', fromMs: 0, toMs: 4000 },
      { kind: 'queue', fromMs: 4000, toMs: 6000 },
      { kind: 'run', fromMs: 6000, toMs: 10_000 },
    ]);
  });

  it('goes on to now while it is under way, and waits while what it needs does', () => {
    const now = Date.UTC(2026, 10, 23, 14, 0, 8);
    const running = { queued_at: at(0), finished_at: null };
    const [first, second, third] = timelineOf(
      running,
      [
        { ...jobs[0], finished_at: null },
        { ...jobs[1], started_at: null, finished_at: null },
        { id: 'c', needs: [], started_at: null, finished_at: null, inRun: true },
      ],
      now,
    ).rows;
    expect(first.runMs).toBe(7000);
    expect(second.parts).toEqual([{ kind: 'needs', fromMs: 0, toMs: 8000 }]);
    expect(third.parts).toEqual([{ kind: 'queue', fromMs: 0, toMs: 8000 }]);
  });

  it('counts no wait for a reader that goes on beside it', () => {
    const { rows } = timelineOf(
      { queued_at: at(0), finished_at: at(59) },
      [
        { id: 'read', inRun: true, started_at: at(5), finished_at: at(57) },
        { id: 'check', inRun: true, needs: ['read'], started_at: at(6), finished_at: at(58) },
      ],
      0,
    );
    expect(rows[1]).toMatchObject({ needsMs: 6000, queueMs: 0, runMs: 52_000 });
  });

  it('is none without a run', () => expect(timelineOf(null, jobs, 0)).toBeNull());
});

it('compares two runs job by job, with what only one of them has', () => {
  const left = {
    duration_ms: 500,
    rows_loaded: 10,
    jobs: [
      { id: 'a', duration_ms: 300, rows_out: 10 },
      { id: 'new', duration_ms: null, rows_out: 0 },
    ],
  };
  const right = {
    duration_ms: 700,
    rows_loaded: 10,
    jobs: [
      { id: 'a', duration_ms: 200, rows_out: 12 },
      { id: 'old', duration_ms: 90, rows_out: 1 },
    ],
  };
  const rows = compareRuns(left, right);
  expect(rows.map(({ id }) => id)).toEqual(['a', 'new', 'old', null]);
  expect(rows.map(({ changeMs }) => changeMs)).toEqual([100, null, null, -200]);
  expect(rows.map(({ changeRows }) => changeRows)).toEqual([-2, null, null, 0]);
  expect(rows[2].left).toBeUndefined();
});

describe('columns', () => {
  it.each([
    'bigint',
    'int64',
    'integer',
    'double precision',
    'float64',
    'numeric(18,6)',
    'decimal128(10,2)',
    'numeric',
  ])('%s is a number', (type) => expect(isNumericType(type)).toBe(true));

  it.each(['text', 'date', 'timestamp with time zone', 'interval', 'boolean', 'jsonb', undefined])(
    '%s is none',
    (type) => expect(isNumericType(type)).toBe(false),
  );

  it('writes cells without losing digits or structure', () => {
    expect(cellText('9007199254740993')).toBe('9007199254740993');
    expect(cellText(false)).toBe('false');
    expect(cellText({ a: [1] })).toBe('{"a":[1]}');
    expect(cellText(null)).toBe('');
  });

  it('fits a column to its first rows within bounds', () => {
    const narrow = columnWidth({ name: 'a', type: 'text' }, 0, [['x']]);
    const wide = columnWidth({ name: 'a', type: 'text' }, 0, [['x'.repeat(30)]]);
    const capped = columnWidth({ name: 'a', type: 'text' }, 0, [['x'.repeat(3000)]]);
    expect(narrow).toBe(88);
    expect(wide).toBeGreaterThan(narrow);
    expect(capped).toBe(360);
  });

  it('reckons a text at least as wide as Inter sets it', () => {
    // Widths in pixels as Chromium lays them out at 13 px.
    const set = [
      ['2000-02-28', 76.6],
      ['2026-11-25T22:28:08.888Z', 170.4],
      ['WMWM', 49.7],
      ['commmwww@', 93.8],
      ['漢字漢字', 52],
    ];
    for (const [text, width] of set) expect(textWidth(text)).toBeGreaterThanOrEqual(width);
    expect(textWidth('2000-02-28')).toBeLessThan(95);
  });

  it('knows which values may be cut', () => {
    const width = columnWidth({ name: 'at', type: 'text' }, 0, [['2026-11-25T22:28:08.888Z']]);
    expect(mayBeCut('2026-11-25T22:28:08.888Z', width)).toBe(false);
    expect(mayBeCut('2026-11-25T22:28:08.888888Z', width)).toBe(true);
  });
});

describe('walking in a grid', () => {
  const size = { rowCount: 100, columnCount: 5, control: false };

  it('stays inside', () => {
    expect(gridMove([0, 0], 'ArrowUp', size)).toEqual([0, 0]);
    expect(gridMove([99, 4], 'ArrowDown', size)).toEqual([99, 4]);
    expect(gridMove([99, 4], 'ArrowRight', size)).toEqual([99, 4]);
    expect(gridMove([95, 2], 'PageDown', size)).toEqual([99, 2]);
  });

  it('goes to the ends of the row, and of the grid with Control', () => {
    expect(gridMove([7, 2], 'Home', size)).toEqual([7, 0]);
    expect(gridMove([7, 2], 'End', size)).toEqual([7, 4]);
    expect(gridMove([7, 2], 'Home', { ...size, control: true })).toEqual([0, 0]);
    expect(gridMove([7, 2], 'End', { ...size, control: true })).toEqual([99, 4]);
  });

  it('leaves other keys alone', () => {
    expect(gridMove([7, 2], 'Tab', size)).toBeNull();
    expect(gridMove([7, 2], 'a', size)).toBeNull();
  });
});

it('writes the place of an error as editors do', () => {
  expect(placeOf({ file: 'pipelines/a.yaml', line: 3, column: 9 })).toBe('pipelines/a.yaml:3:9');
  expect(placeOf({ file: 'pipelines/a.yaml', line: 3, column: null })).toBe('pipelines/a.yaml:3');
  expect(placeOf({ file: 'pipelines/a.yaml' })).toBe('pipelines/a.yaml');
});
