import { readFileSync } from 'node:fs';
import {
  datasets,
  failedRun,
  job,
  manyJobs,
  missedRun,
  NOW,
  pipeline,
  pipelines,
  problem,
  rejectedRun,
  runs,
  skippedRun,
  repeatedTimes,
  timesPage,
  twoTimes,
  users,
  warnedRun,
} from '../test/fixtures/data.js';
import { away, LONG_WORD, only } from './scene-parts.mjs';
import { settingsScenes } from './settings-scenes.mjs';

function longLog(count) {
  return Array.from({ length: count }, (_, at) => ({
    at: new Date(NOW - (count - at) * 40).toISOString(),
    level: at % 40 === 39 ? 'warning' : 'info',
    message:
      at % 40 === 39
        ? `data/part-${at}.csv is empty; it is left out (a warning, not an error)`
        : `read data/part-${at}.csv, ${1000 + at} rows`,
    attempt: at < 500 ? 1 : 2,
  }));
}

/** A schedule, and parameters to be given. */
const askingPipeline = {
  ...pipelines.find(({ id }) => id === 'hospital-backfill'),
  id: 'hospital',
  schedule: '@daily',
};

/** A file that is wrong all over, before pipelines that are right. */
function wrongAllOver(count) {
  const errors = Array.from({ length: count }, (_, at) => ({
    file: 'pipelines/vendors.yaml',
    line: 3 + at,
    column: 5,
    message: `job "load_${at}": the key "table" is missing`,
    hint: null,
  }));
  return [pipeline('vendors', { errors }), ...pipelines.filter(({ jobs }) => jobs.length > 0)];
}

/** Jobs each of which needs the one before. */
const chain = (count) =>
  Array.from({ length: count }, (_, at) =>
    job(`step_${at + 1}`, at ? 'transform' : 'extract', at ? [`step_${at}`] : []),
  );

/** One job that many need, and one that needs them all. */
function fan(count) {
  const middle = Array.from({ length: count }, (_, at) =>
    job(`read_region_${at}_of_the_world`, 'extract', ['list_the_regions']),
  );
  return [
    job('list_the_regions', 'extract', []),
    ...middle,
    job(
      'collect_what_is_there',
      'load',
      middle.map(({ id }) => id),
    ),
  ];
}

/**
 * Every page in every state it can be in: where to go, what the host answers (`state`), what to do
 * there (`act`), and a text that says the state has been reached (`until`).
 */
export const scenes = [
  { name: 'sign-in', path: '/sign-in', state: { user: null }, until: 'Sign in' },
  {
    name: 'sign-in-wrong',
    path: '/sign-in',
    state: { user: null },
    act: (page) => signIn(page, 'wrong'),
    until: 'User name or password is wrong',
  },
  {
    name: 'sign-in-throttled',
    path: '/sign-in',
    state: {
      user: null,
      login: {
        status: 429,
        headers: { 'Retry-After': '60' },
        body: problem(429, { title: 'Too many requests', detail: 'Five attempts failed.' }),
      },
    },
    act: (page) => signIn(page, 'wrong'),
    until: 'Too many attempts',
  },
  { name: 'unreachable', path: '/pipelines', state: { silent: true }, until: 'does not answer' },
  { name: 'pipelines', path: '/pipelines', until: 'Currency rates' },
  { name: 'pipelines-filtered', path: '/pipelines?q=rates', until: '1 of 7 pipelines' },
  { name: 'pipelines-no-match', path: '/pipelines?q=nothing', until: 'No pipeline matches' },
  {
    name: 'pipelines-empty',
    path: '/pipelines',
    state: { pipelines: [] },
    until: 'No pipeline yet',
  },
  {
    name: 'pipelines-error',
    path: '/pipelines',
    state: { fail: only(/pipelines$/, away) },
    until: 'The database did not answer',
  },
  {
    name: 'pipelines-loading',
    path: '/pipelines',
    state: { delayMs: 60_000 },
    until: 'Loading the pipelines',
  },
  {
    name: 'pipelines-wrong-files',
    path: '/pipelines',
    state: { pipelines: wrongAllOver(14) },
    until: 'and 11 more',
  },
  {
    name: 'pipelines-long-names',
    path: '/pipelines',
    state: {
      pipelines: [
        pipeline(LONG_WORD, {
          name: `${LONG_WORD} ${LONG_WORD}`,
          description: LONG_WORD,
          schedule: '1,2,3,4,5,6,7,8,9 1-23/2 * * 1,2,3',
          jobs: [
            {
              id: LONG_WORD,
              name: LONG_WORD,
              type: 'extract',
              needs: [],
              status: 'failed',
            },
          ],
          last_run: { ...failedRun, error: LONG_WORD },
          status: 'failed',
        }),
        pipeline('rtl', {
          name: 'خط أنابيب البيانات اليومية',
          jobs: [{ id: 'a', type: 'load', status: 'idle' }],
        }),
      ],
    },
    until: '2 pipelines',
  },
  {
    name: 'menu',
    path: '/pipelines',
    act: (page) => page.getByRole('button', { name: /^Theme/ }).click(),
    until: 'As the system',
  },
  { name: 'pipeline', path: '/pipelines/sp500-daily', until: 'yearly' },
  { name: 'pipeline-job', path: '/pipelines/sp500-daily?job=load', until: 'read 38,420 rows' },
  { name: 'pipeline-list', path: '/pipelines/sp500-daily?view=list', until: 'Needs' },
  {
    name: 'pipeline-older-run',
    path: '/pipelines/sp500-daily?run=older-3',
    until: 'an older run',
  },
  {
    name: 'pipeline-skipped-run',
    path: `/pipelines/sp500-daily?run=${skippedRun.id}`,
    state: { runs: { 'sp500-daily': [skippedRun, missedRun, ...runs['sp500-daily']] } },
    until: 'Skipped: this run did not start',
  },
  {
    name: 'pipeline-missed-run',
    path: `/pipelines/sp500-daily?run=${missedRun.id}`,
    state: { runs: { 'sp500-daily': [skippedRun, missedRun, ...runs['sp500-daily']] } },
    until: 'Missed: these runs did not start',
  },
  {
    name: 'pipeline-rejected',
    path: '/pipelines/currency-rates?tab=rejected',
    until: 'is not a date',
  },
  {
    name: 'pipeline-rejected-none',
    path: '/pipelines/sp500-daily?tab=rejected&view=list',
    until: 'This run rejected no rows',
  },
  {
    name: 'pipeline-warned',
    path: '/pipelines/currency-rates?view=list&job=fetch',
    state: { runs: { 'currency-rates': [warnedRun, rejectedRun] } },
    until: 'Show all 6',
  },
  {
    name: 'pipeline-why-whole',
    path: '/pipelines/vendor-orders?view=list',
    act: (page) => page.getByRole('button', { name: /^Job “load” failed/ }).click(),
    until: 'Why',
  },
  {
    name: 'pipeline-rejected-undone',
    path: '/pipelines/currency-rates?tab=rejected',
    state: {
      runs: { 'currency-rates': [{ ...rejectedRun, id: 'undone', status: 'failed' }] },
    },
    until: 'rolled back',
  },
  { name: 'pipeline-failed', path: '/pipelines/vendor-orders?job=load', until: 'ALTER TABLE' },
  { name: 'pipeline-running', path: '/pipelines/flights-on-time', until: 'Retrying' },
  {
    name: 'pipeline-running-job',
    path: '/pipelines/flights-on-time?job=check',
    until: 'out of memory',
  },
  {
    name: 'pipeline-long-log',
    path: '/pipelines/flights-on-time?job=fetch',
    state: { logs: longLog(1240) },
    until: '1,240 lines',
  },
  {
    name: 'pipeline-log-find',
    path: '/pipelines/sp500-daily?job=load&find=warning',
    state: { logs: longLog(620) },
    until: 'of 620 lines',
  },
  {
    name: 'pipeline-log-saved',
    path: '/pipelines/sp500-daily?job=load',
    state: { logs: longLog(620) },
    act: saveLog,
    until: '620 lines',
  },
  {
    name: 'pipeline-log-none-found',
    path: '/pipelines/sp500-daily?job=load&find=nothing-of-that-kind',
    until: 'No line has',
  },
  {
    name: 'pipeline-conflict',
    // The page does not know of the run yet; else the button would not ask.
    path: '/pipelines/sp500-daily',
    state: {
      trigger: {
        status: 409,
        body: problem(409, {
          title: 'Conflict',
          detail: 'Run 3d6b8f02 of this pipeline is running.',
          hint: 'Wait until it is over, then start again.',
          run_id: '3d6b8f02-7c51-4cb6-a8c5-9be1a2c40d77',
        }),
      },
    },
    act: (page) => page.getByRole('button', { name: 'Run now' }).click(),
    until: 'already has a run under way',
  },
  {
    name: 'pipeline-run-dialog',
    path: '/pipelines/hospital-backfill?dialog=run',
    until: 'Admissions a request',
  },
  {
    name: 'pipeline-run-dialog-wrong',
    path: '/pipelines/hospital-backfill?dialog=run',
    act: (page) => page.getByRole('button', { name: 'Run', exact: true }).click(),
    until: 'A run needs a value here',
  },
  {
    name: 'pipeline-backfill-dialog',
    path: '/pipelines/sp500-daily?dialog=backfill',
    act: async (page) => {
      await page.getByRole('dialog').getByLabel('From').fill('2026-10-01T00:00');
      await page.getByRole('dialog').getByLabel('Before').fill('2026-10-21T00:00');
    },
    until: '20 runs: for',
  },
  {
    name: 'pipeline-backfill-wrong',
    path: '/pipelines/hospital?dialog=backfill',
    state: { pipelines: [askingPipeline] },
    act: (page) => page.getByRole('button', { name: 'Start the backfill' }).click(),
    until: 'Choose a day and a time',
  },
  {
    name: 'pipeline-backfills',
    path: '/pipelines/sp500-daily?tab=backfills',
    until: '12 of 30',
  },
  {
    name: 'pipeline-backfills-none',
    path: '/pipelines/currency-rates?tab=backfills',
    until: 'No backfill yet',
  },
  {
    name: 'pipeline-paused',
    path: '/pipelines/vix-close',
    state: { system: { paused: true, paused_at: new Date(NOW - 3_600_000).toISOString() } },
    until: 'All pipelines are paused',
  },
  {
    name: 'pipeline-timeline',
    path: '/pipelines/flights-on-time?view=timeline',
    until: 'Waits for what it needs',
  },
  {
    name: 'pipeline-timeline-skipped',
    path: `/pipelines/sp500-daily?view=timeline&run=${skippedRun.id}`,
    state: { runs: { 'sp500-daily': [skippedRun, ...runs['sp500-daily']] } },
    until: 'Nothing to draw yet',
  },
  {
    name: 'pipeline-compare',
    path: '/pipelines/sp500-daily?compare=older-3&view=list',
    until: 'The whole run',
  },
  {
    name: 'pipeline-compare-gone',
    path: '/pipelines/sp500-daily?compare=gone&view=list',
    until: 'There is no run',
  },
  {
    name: 'pipeline-settings',
    path: '/pipelines/sp500-daily?tab=settings',
    until: 'Clocks go forward',
  },
  {
    name: 'pipeline-settings-file',
    path: '/pipelines/sp500-daily?tab=settings',
    act: (page) => page.getByRole('button', { name: 'Go back to the file' }).click(),
    until: 'settings hold again',
  },
  {
    name: 'pipeline-settings-viewer',
    path: '/pipelines/sp500-daily?tab=settings',
    state: { user: users.viewer },
    until: 'Only an administrator',
  },
  {
    name: 'pipeline-settings-wrong',
    path: '/pipelines/sp500-daily?tab=settings',
    state: {
      change: {
        status: 422,
        body: problem(422, {
          title: 'Invalid',
          errors: [{ pointer: '/schedule', detail: 'hour: found "25", expected 0 to 23' }],
        }),
      },
    },
    act: async (page) => {
      await page.getByLabel('Schedule', { exact: true }).fill('30 25 * * *');
      await page.getByRole('button', { name: 'Save' }).click();
    },
    until: 'expected 0 to 23',
  },
  { name: 'pipeline-broken', path: '/pipelines/weather-hourly', until: 'shedule' },
  { name: 'pipeline-large', path: '/pipelines/many-jobs', until: 'job_117' },
  {
    name: 'pipeline-chain',
    path: '/pipelines/chain',
    state: { pipelines: [pipeline('chain', { jobs: chain(7) })] },
    until: 'step_7',
  },
  {
    name: 'pipeline-sixty',
    path: '/pipelines/sixty',
    state: { pipelines: [pipeline('sixty', { jobs: manyJobs(60) })] },
    until: 'job_11',
  },
  {
    name: 'pipeline-list-long',
    path: '/pipelines/big?q=job_1',
    state: { pipelines: [pipeline('big', { jobs: manyJobs(2400) })] },
    until: '200 of 1,111 jobs shown',
  },
  {
    name: 'pipeline-fan',
    path: '/pipelines/fan',
    state: { pipelines: [pipeline('fan', { jobs: fan(58) })] },
    until: 'collect_what_is_there',
  },
  { name: 'pipeline-missing', path: '/pipelines/gone', until: 'There is no pipeline' },
  {
    name: 'pipeline-viewer',
    path: '/pipelines/currency-rates?tab=rejected',
    state: {
      user: users.viewer,
      fail: only(/quarantine|logs$/, {
        status: 403,
        body: problem(403, { title: 'Forbidden' }),
      }),
    },
    until: 'does not show rejected rows',
  },
  { name: 'datasets', path: '/datasets', until: 'market.daily_prices' },
  {
    name: 'datasets-uncounted',
    path: '/datasets',
    state: { datasets: [{ ...datasets[0], row_count: null, row_count_exact: false }] },
    until: 'not counted',
  },
  { name: 'datasets-no-match', path: '/datasets?q=nothing', until: 'No dataset matches' },
  {
    name: 'datasets-empty',
    path: '/datasets',
    state: { datasets: [] },
    until: 'Nothing loaded yet',
  },
  { name: 'dataset', path: '/datasets/market.daily_prices', until: '2000-01-03' },
  {
    name: 'dataset-sorted',
    path: '/datasets/market.daily_prices?order=-volume&from=9007199254741000',
    until: 'Sorted by',
  },
  {
    name: 'dataset-no-rows-within',
    path: '/datasets/market.daily_prices?order=date&from=2040-01-01',
    until: 'No rows within these bounds',
  },
  {
    name: 'dataset-wrong-bound',
    path: '/datasets/market.daily_prices?order=date&from=2000-01-03&to=2000-1x',
    until: 'Invalid input syntax',
  },
  {
    name: 'dataset-chart',
    path: '/datasets/market.daily_prices?view=chart',
    until: 'Last close',
  },
  {
    name: 'dataset-chart-bounds',
    path: '/datasets/market.daily_prices?view=chart&order=-date&from=2001-06-01&to=2001-07-31',
    until: '61 bars',
  },
  {
    name: 'dataset-chart-which',
    path: '/datasets/market.daily_prices?view=chart',
    state: { datasets: [twoTimes] },
    until: 'Which time do the bars follow?',
  },
  {
    name: 'dataset-chart-chosen',
    path: '/datasets/market.daily_prices?view=chart&time=date',
    state: { datasets: [twoTimes] },
    until: 'Prices from',
  },
  {
    name: 'dataset-chart-why',
    path: '/datasets/market.daily_prices?view=chart',
    state: {
      datasets: [{ ...twoTimes, columns: twoTimes.columns.filter(({ name }) => name !== 'low') }],
    },
    until: 'There is no column “low”',
  },
  {
    name: 'dataset-chart-none',
    path: '/datasets/market.daily_prices?view=chart',
    state: { rowsPage: repeatedTimes },
    until: 'No chart of these rows',
  },
  {
    name: 'dataset-times',
    path: '/datasets/market.daily_prices',
    state: { rowsPage: timesPage },
    until: '2010-02-28',
  },
  {
    name: 'dataset-empty',
    path: '/datasets/market.daily_prices',
    state: { rowTotal: 0 },
    until: 'has no rows',
  },
  { name: 'dataset-missing', path: '/datasets/no.such', until: 'There is no dataset' },
  {
    name: 'dataset-viewer',
    path: '/datasets/market.daily_prices',
    state: {
      user: users.viewer,
      fail: only(/rows$/, { status: 403, body: problem(403, { title: 'Forbidden' }) }),
    },
    until: 'does not show rows',
  },
  { name: 'account', path: '/account', until: '192.0.2.44' },
  {
    name: 'account-new-token',
    path: '/account',
    act: async (page) => {
      await page.getByLabel('Name', { exact: true }).fill('an export');
      await page.getByRole('button', { name: 'Make a token' }).click();
    },
    until: 'shown this once',
  },
  {
    name: 'account-empty',
    path: '/account',
    state: { tokens: [], user: users.viewer },
    until: 'No tokens yet',
  },
  ...settingsScenes,
  { name: 'not-found', path: '/no/such/page', until: 'nothing at this address' },
  {
    name: 'disconnected',
    path: '/pipelines/sp500-daily',
    until: 'yearly',
    later: { silent: true },
    laterUntil: 'Disconnected',
  },
];

async function signIn(page, password) {
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** The whole log must reach the reader's downloads under the host's content policy. */
async function saveLog(page) {
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download the whole log' }).click();
  const lines = readFileSync(await (await saved).path(), 'utf8')
    .trimEnd()
    .split('\n');
  if (lines.length !== 621 || !lines[500].includes('attempt 2')) {
    throw new Error(`the saved log has ${lines.length} lines`);
  }
}
