import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { openApp } from '../app.jsx';
import {
  failedRun,
  job,
  jobRun,
  manyJobs,
  pipeline,
  pipelines,
  problem,
  rejectedRun,
  run,
  runningRun,
  runs,
  skippedRun,
  users,
} from '../fixtures/data.js';
import { requests } from '../server.js';

// jsdom has no workers; the layout itself is the real one.
vi.mock('../../src/components/charts/useLayout.js', async () => {
  const { layoutGraph } = await import('../../src/components/charts/layoutGraph.js');
  const { edgesOf } = await import('../../src/lib/graph.js');
  return {
    useLayout: (jobs) => ({
      positions: layoutGraph({ ids: jobs.map(({ id }) => id), edges: edgesOf(jobs) }),
    }),
  };
});

const error500 = () => ({
  status: 500,
  body: problem(500, { title: 'The database did not answer', hint: 'Try again.' }),
});

describe('the list of pipelines', () => {
  it('shows state, last and next run of each', async () => {
    openApp('/pipelines');
    const card = within(await screen.findByRole('article', { name: 'Currency rates' }));
    expect(card.getByText('Succeeded')).toBeVisible();
    expect(card.getByText(/6,218 loaded/)).toBeVisible();
    expect(card.getByText('12 rejected')).toBeVisible();
    expect(card.getByText(/Every day at 00:00/)).toBeVisible();
    expect(card.getByRole('link')).toHaveAttribute('href', '/pipelines/currency-rates');
    const failed = within(screen.getByRole('article', { name: /^Orders of every vendor/ }));
    expect(failed.getByText(failedRun.error)).toBeVisible();
    const paused = within(screen.getByRole('article', { name: 'Volatility index' }));
    expect(paused.getByText('None while paused')).toBeVisible();
  });

  it('does not take a pipeline whose file was removed for one with a broken file', async () => {
    const hint = 'The history is kept. Put the file back and send the host SIGHUP.';
    const removed = pipeline('removed', {
      name: 'Removed',
      jobs: [job('read', 'extract', [])],
      enabled: false,
      status: 'paused',
      file_missing: true,
      errors: [{ file: 'p/removed.yaml', line: null, column: null, message: 'gone', hint }],
    });
    openApp('/pipelines', { pipelines: [removed] });
    const card = within(await screen.findByRole('article', { name: 'Removed' }));
    expect(card.getByText('Paused')).toBeVisible();
    expect(screen.queryByText(/pipeline files? ha(s|ve) errors/)).toBeNull();
  });

  it('says on its own page that the file of a pipeline was removed', async () => {
    const hint = 'The history is kept. Put the file back and send the host SIGHUP.';
    const removed = pipeline('removed', {
      name: 'Removed',
      enabled: false,
      status: 'paused',
      file_missing: true,
      errors: [{ file: 'p/removed.yaml', line: null, column: null, message: 'gone', hint }],
    });
    openApp('/pipelines/removed', { pipelines: [removed] });
    expect(await screen.findByText('The file of this pipeline was removed')).toBeVisible();
    expect(screen.getByText('p/removed.yaml')).toBeVisible();
    expect(screen.getByText(hint)).toBeVisible();
    expect(screen.queryByText(/pipeline file has errors/)).toBeNull();
  });

  it('shows the jobs that ask most when there are many, and how many it leaves out', async () => {
    const jobs = Array.from({ length: 60 }, (_, at) =>
      job(`j${at}`, 'load', at ? [`j${at - 1}`] : [], {
        status: at === 59 ? 'failed' : 'succeeded',
      }),
    );
    openApp('/pipelines', { pipelines: [pipeline('sixty', { name: 'Sixty', jobs })] });
    const card = within(await screen.findByRole('article', { name: 'Sixty' }));
    expect(card.getByText('+48')).toHaveAttribute('title', '48 succeeded');
    expect(card.getByText('60 jobs')).toBeVisible();
    const strip = card.getByText('+48').parentElement;
    expect(strip.querySelectorAll('svg')).toHaveLength(12);
    expect(strip.querySelector('svg')).toHaveClass('failed');
  });

  it('lists the errors of broken files with their places, and no card for them', async () => {
    openApp('/pipelines');
    expect(await screen.findByText('pipelines/weather-hourly.yaml:14:9')).toBeVisible();
    expect(screen.getByText(/unknown key "shedule"/)).toHaveTextContent('Did you mean "schedule"?');
    expect(screen.getByText('1 pipeline file has errors and is not run')).toBeVisible();
    expect(screen.queryByRole('article', { name: 'weather-hourly' })).toBeNull();
  });

  it('names a pipeline once whose name is its id', async () => {
    const plain = pipeline('prices', { jobs: [job('fetch', 'extract')] });
    const named = pipeline('rates', { name: 'Currency rates', jobs: [job('fetch', 'extract')] });
    openApp('/pipelines', { pipelines: [plain, named] });
    const card = within(await screen.findByRole('article', { name: 'prices' }));
    expect(card.getAllByText('prices')).toHaveLength(1);
    const other = within(screen.getByRole('article', { name: 'Currency rates' }));
    expect(other.getByText('rates')).toBeVisible();
  });

  it('folds the errors of broken files behind the third', async () => {
    const errors = Array.from({ length: 14 }, (_, at) => ({
      file: 'pipelines/broken.yaml',
      line: at + 1,
      column: 1,
      message: `wrong thing ${at + 1}`,
      hint: null,
    }));
    const { user } = openApp('/pipelines', { pipelines: [pipeline('broken', { errors })] });
    expect(await screen.findByText('wrong thing 3')).toBeVisible();
    expect(screen.getAllByRole('link', { name: 'broken' })[0]).toHaveAttribute(
      'href',
      '/pipelines/broken',
    );
    expect(screen.queryByText('wrong thing 4')).toBeNull();
    const more = screen.getByRole('button', { name: 'and 11 more' });
    expect(more).toHaveAttribute('aria-expanded', 'false');
    await user.click(more);
    expect(screen.getByText('wrong thing 14')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Show the first three' }));
    expect(screen.queryByText('wrong thing 4')).toBeNull();
  });

  it('filters by text and state in the address, and clears', async () => {
    const { user, router } = openApp('/pipelines');
    await user.click(await screen.findByRole('button', { name: /^Failed/ }));
    expect(await screen.findByText('2 of 7 pipelines')).toBeVisible();
    expect(router.state.location.search).toEqual({ status: 'failed' });
    await user.type(screen.getByLabelText('Find a pipeline'), 'zzz');
    await user.click(await screen.findByRole('button', { name: 'Clear the filter' }));
    expect(await screen.findByText('7 pipelines')).toBeVisible();
    expect(router.state.location.search).toEqual({});
  });

  it('explains itself while there is none', async () => {
    openApp('/pipelines', { pipelines: [] });
    expect(await screen.findByText('No pipeline yet')).toBeVisible();
  });

  it('shows an error with its request id and asks again', async () => {
    const { host, user } = openApp('/pipelines', {
      fail: (_method, path) => (path.endsWith('/pipelines') ? error500() : null),
    });
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('req-7f3a2c')).toBeVisible();
    host.fail = null;
    await user.click(alert.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Currency rates')).toBeVisible();
  });

  it('shows names as text, whatever stands in them', async () => {
    const name = '<img src=x onerror=alert(1)>';
    openApp('/pipelines', { pipelines: [pipeline('x', { name, jobs: [job('a', 'load', [])] })] });
    expect(await screen.findByRole('link', { name })).toBeVisible();
    expect(document.querySelector('img')).toBeNull();
  });
});

const jobLinks = () => document.querySelectorAll('[aria-label="Jobs as a list"] a');

describe('one pipeline', () => {
  it('shows its newest run and each job’s state as a word', async () => {
    openApp('/pipelines/flights-on-time');
    const graph = within(await screen.findByRole('group', { name: /^Graph of 3 jobs/ }));
    expect(await graph.findByRole('button', { name: /^fetch Running/ })).toBeVisible();
    expect(graph.getByRole('button', { name: /^check Retrying/ })).toBeVisible();
    expect(graph.getByRole('button', { name: /^load Queued/ })).toBeVisible();
    expect(screen.getByText('184,320', { selector: 'dd' })).toBeVisible();
  });

  it('opens a job by Enter, with its error and log, and closes it by Escape', async () => {
    const { user, router } = openApp('/pipelines/vendor-orders');
    const node = await screen.findByRole('button', { name: /^load Failed/ });
    node.focus();
    await user.keyboard('{Enter}');
    const panel = await screen.findByRole('region', { name: 'Job load' });
    expect(router.state.location.search.job).toBe('load');
    expect(within(panel).getByText(/ALTER TABLE sales.orders/)).toBeVisible();
    expect(within(panel).getByText('4 of 4')).toBeVisible();
    expect(within(panel).getByRole('link', { name: 'check' })).toBeVisible();
    expect(within(panel).getByRole('heading', { name: 'load' })).toHaveFocus();
    const log = within(await within(panel).findByRole('log'));
    expect(log.getByText(/the row was rejected <b>as it came<\/b>/)).toBeVisible();
    await user.keyboard('{Escape}');
    expect(screen.queryByRole('region', { name: 'Job load' })).toBeNull();
    expect(router.state.location.search.job).toBeUndefined();
    expect(screen.getByRole('button', { name: /^load Failed/ })).toHaveFocus();
  });

  it('walks along the graph with arrow keys from one tab stop', async () => {
    const { user } = openApp('/pipelines/sp500-daily');
    const fetchJob = await screen.findByRole('button', { name: /^fetch/ });
    const graph = within(screen.getByRole('group', { name: /^Graph/ }));
    const stops = graph
      .getAllByRole('button')
      .filter((button) => button.dataset.job && button.tabIndex === 0);
    expect(stops).toEqual([fetchJob]);
    fetchJob.focus();
    await user.keyboard('{ArrowRight}');
    await waitFor(() => expect(graph.getByRole('button', { name: /^check/ })).toHaveFocus());
    await user.keyboard('{ArrowLeft}');
    await waitFor(() => expect(fetchJob).toHaveFocus());
  });

  it('shows the same jobs as a list when the address says so', async () => {
    openApp('/pipelines/vendor-orders?view=list');
    const list = within(await screen.findByRole('region', { name: 'Jobs as a list' }));
    const rows = list.getAllByRole('row').slice(1);
    expect(rows.map((row) => within(row).getByRole('link').textContent)).toEqual([
      'extract_orders_from_the_vendor_portal_with_a_long_name',
      'check',
      'load',
      'report',
    ]);
    expect(within(rows[3]).getByText('Skipped')).toBeVisible();
  });

  it('puts a long list of jobs on the page bit by bit, and finds a job in all of it', async () => {
    const { user, router } = openApp('/pipelines/many?view=list', {
      pipelines: [pipeline('many', { jobs: manyJobs(260) })],
    });
    expect(await screen.findByText('200 of 260 jobs shown')).toBeVisible();
    expect(jobLinks()).toHaveLength(200);
    await user.click(screen.getByText('Show more jobs'));
    expect(jobLinks()).toHaveLength(260);
    await user.click(screen.getByLabelText('Find a job'));
    await user.paste('JOB_25');
    expect(await screen.findByText('11 of 260 jobs')).toBeVisible();
    expect(router.state.location.search.q).toBe('JOB_25');
    await user.paste('x');
    await user.click(await screen.findByText('Clear the filter'));
    expect(await screen.findByText('260 jobs')).toBeVisible();
  });

  it('says that it does not exist', async () => {
    openApp('/pipelines/gone');
    expect(await screen.findByRole('alert')).toHaveTextContent('There is no pipeline “gone”.');
  });

  it('shows a broken file instead of a graph and offers no run', async () => {
    openApp('/pipelines/weather-hourly');
    expect(await screen.findByText('pipelines/weather-hourly.yaml:31:14')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Run now' })).toBeNull();
  });
});

const marked = (element) => element.querySelector('[data-rejected]');

describe('runs', () => {
  it('are chosen in the address, and lead back to the newest', async () => {
    const { user, router } = openApp('/pipelines/sp500-daily');
    await user.click(await screen.findByRole('link', { name: /^Failed, run older-3/ }));
    expect(router.state.location.search.run).toBe('older-3');
    expect(await screen.findByText('The run failed')).toBeVisible();
    expect(screen.getByText(/You are looking at an older run/)).toBeVisible();
    await user.click(screen.getByRole('link', { name: 'Show the newest run' }));
    expect(screen.queryByText(/You are looking at an older run/)).toBeNull();
    expect(router.state.location.search.run).toBeUndefined();
  });

  it('that did not start say why, and are not the one that is shown first', async () => {
    const all = { 'sp500-daily': [skippedRun, ...runs['sp500-daily']] };
    const { user } = openApp('/pipelines/sp500-daily?view=list', { runs: all });
    const row = await screen.findByRole('link', { name: /^Skipped, run/ });
    const summary = within(screen.getByLabelText('Run'));
    expect(summary.getByText('Succeeded')).toBeVisible();
    expect(screen.queryByText(/older run/)).toBeNull();
    await user.click(row);
    const message = (await screen.findByText('Skipped: this run did not start')).closest('.panel');
    expect(message).toHaveClass('queued');
    expect(message.querySelector('svg')).toHaveClass('tabler-icon-player-skip-forward');
    expect(message).toHaveTextContent(/Run 0f9c2e71-.* of the pipeline was still under way\./);
    expect(screen.queryByText('The run failed')).toBeNull();
    expect(screen.queryByText('Rows extracted')).toBeNull();
    expect(screen.getByText('Scheduled for')).toBeVisible();
    await user.click(screen.getByRole('link', { name: 'Show the newest run' }));
    expect(screen.queryByText('Skipped: this run did not start')).toBeNull();
  });

  it('are compared with the shown one, in the address', async () => {
    const slower = run('slower', 'sp500-daily', {
      duration_ms: 9310,
      rows_loaded: 38_000,
      jobs: [jobRun('load', 'load', { status: 'failed', duration_ms: 7104, rows_out: 38_000 })],
    });
    const all = { 'sp500-daily': [runs['sp500-daily'][0], slower] };
    const { user, router } = openApp('/pipelines/sp500-daily?view=list', { runs: all });
    await user.click(await screen.findByRole('link', { name: /^Compare .* run slower$/ }));
    expect(router.state.location.search.compare).toBe('slower');
    const table = within(await screen.findByRole('region', { name: 'Two runs compared' }));
    const load = table.getByRole('row', { name: /^load/ });
    expect(load).toHaveTextContent('2.1 s38,420Failed 7.1 s38,000−5.0 s+420');
    expect(table.getByRole('row', { name: /^fetch/ })).toHaveTextContent('not in it');
    expect(table.getByRole('row', { name: /^The whole run/ })).toHaveTextContent('−5.0 s+420');
    await user.click(screen.getByRole('link', { name: 'Close the comparison' }));
    expect(screen.queryByRole('region', { name: 'Two runs compared' })).toBeNull();
  });

  it('have a timeline with a bar and figures for each job', async () => {
    openApp('/pipelines/flights-on-time?view=timeline');
    const table = within(await screen.findByRole('region', { name: 'Timeline of the run' }));
    const [, fetch, , load] = table.getAllByRole('row');
    expect(fetch).toHaveTextContent('500 ms');
    expect(fetch).toHaveTextContent('1 of 4');
    expect([...fetch.querySelectorAll('[data-part]')].map((part) => part.dataset.part)).toEqual([
      'queue',
      'run',
    ]);
    expect(load.querySelector('[data-part]').dataset.part).toBe('needs');
    expect(within(load).getByRole('link', { name: 'load' })).toHaveAttribute(
      'href',
      expect.stringContaining('job=load'),
    );
  });

  it('that start while one is chosen are announced, not put in above it', async () => {
    const { host, user, queryClient } = openApp('/pipelines/sp500-daily?run=older-3');
    await screen.findByText('The run failed');
    await screen.findByRole('link', { name: /^Succeeded, run older-0$/ });
    host.runs = { 'sp500-daily': [run('fresh', 'sp500-daily'), ...runs['sp500-daily']] };
    await queryClient.refetchQueries();
    expect(await screen.findByText('1 new run')).toBeVisible();
    expect(screen.queryByRole('link', { name: /^Succeeded, run fresh$/ })).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Show' }));
    expect(screen.getByRole('link', { name: /^Succeeded, run fresh$/ })).toBeVisible();
  });

  it('that rejected rows are told from clean ones by icon and word, in every list', async () => {
    openApp('/pipelines/currency-rates?view=list');
    const link = await screen.findByRole('link', { name: /^Succeeded, run .* 12 rejected$/ });
    expect(marked(link).querySelector('svg')).not.toBeNull();
    const jobs = within(screen.getByRole('region', { name: 'Jobs as a list' }));
    const [, first, check, load] = jobs.getAllByRole('row');
    expect(marked(first)).toHaveTextContent('4 rejected');
    expect(marked(check)).toHaveTextContent('8 rejected');
    expect(marked(load)).toBeNull();
  });

  it('lead from the count of rejected rows to the rows', async () => {
    const { user, router } = openApp('/pipelines/currency-rates');
    await user.click(await screen.findByRole('link', { name: '12 rejected' }));
    expect(await screen.findByRole('region', { name: 'Rejected rows' })).toBeVisible();
    expect(router.state.location.search.tab).toBe('rejected');
  });

  it('show in the graph which jobs rejected rows', async () => {
    openApp('/pipelines/currency-rates');
    expect(
      await screen.findByRole('button', { name: /^check Succeeded .* 8 rejected/ }),
    ).toBeVisible();
    expect(screen.getByRole('button', { name: /^load Succeeded/ })).not.toHaveTextContent(
      'rejected',
    );
  });

  it('of another pipeline are not shown as if they were of this one', async () => {
    openApp(`/pipelines/sp500-daily?run=${rejectedRun.id}`);
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('belongs to the pipeline “currency-rates”');
    expect(screen.queryByText('6,230')).toBeNull();
  });

  it('are explained while there is none', async () => {
    openApp('/pipelines/hospital-backfill');
    expect(await screen.findByText('No runs yet')).toBeVisible();
  });

  it('show the rows they rejected, with reasons', async () => {
    const { user } = openApp('/pipelines/currency-rates');
    await user.click(await screen.findByRole('tab', { name: 'Rejected rows · 12' }));
    const table = within(await screen.findByRole('region', { name: 'Rejected rows' }));
    expect(table.getByText(/“undefined” is not a date/)).toBeVisible();
    expect(table.getByText('line 2311 · fetch')).toBeVisible();
    expect(table.getByText('unique · date, currency')).toBeVisible();
    expect(table.getByText('2019-03-05;CHF;0.9981')).toBeVisible();
    const asked = requests.find(({ path }) => path === '/ingestion/quarantine');
    expect(Object.fromEntries(asked.query)).toMatchObject({
      pipeline: 'currency-rates',
      run: rejectedRun.id,
    });
  });

  it.each([
    ['failed', 'These rows were rolled back'],
    ['cancelled', 'These rows were rolled back'],
    ['running', 'Not kept yet'],
    ['succeeded', 'The rejected rows are gone'],
  ])('say why none of the rows they rejected are there: %s', async (status, title) => {
    const bare = { ...rejectedRun, id: 'a-run-of-none', status };
    openApp('/pipelines/currency-rates?tab=rejected', { runs: { 'currency-rates': [bare] } });
    expect(await screen.findByText(title)).toBeVisible();
  });

  it('say how many rejected rows went with a load that was rolled back', async () => {
    const partly = { ...rejectedRun, status: 'failed' };
    openApp('/pipelines/currency-rates?tab=rejected', { runs: { 'currency-rates': [partly] } });
    expect(
      await screen.findByText(/more rejected rows went with a load that did not finish/),
    ).toBeVisible();
  });

  it('stack source, reason and row of a rejected row where there is no room beside', async () => {
    vi.spyOn(window, 'matchMedia').mockImplementation((query) => ({
      matches: query.includes('640px'),
      media: query,
      addEventListener: () => {},
      removeEventListener: () => {},
    }));
    openApp('/pipelines/currency-rates?tab=rejected');
    const table = within(await screen.findByRole('region', { name: 'Rejected rows' }));
    const cell = table.getByText('2019-03-05;CHF;0.9981').closest('td');
    expect(cell).toHaveTextContent('The line has 2 fields');
    expect(table.getAllByRole('columnheader')).toHaveLength(1);
  });

  it('say when the role may not see rejected rows', async () => {
    openApp('/pipelines/currency-rates?tab=rejected', {
      user: users.viewer,
      fail: (_method, path) =>
        path.endsWith('/quarantine') ? { status: 403, body: problem(403, { title: 'No' }) } : null,
    });
    expect(await screen.findByText('Your role does not show rejected rows')).toBeVisible();
    expect(screen.getByText(/may not start runs/)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Run now' })).toBeNull();
  });
});

describe('the log of a job', () => {
  it('is asked for once more when the job is over, so that its end is seen', async () => {
    const { host, queryClient } = openApp('/pipelines/flights-on-time?job=fetch');
    await screen.findByRole('log');
    const over = { ...runningRun, status: 'succeeded', finished_at: runningRun.started_at };
    over.jobs = over.jobs.map((entry) => ({ ...entry, status: 'succeeded' }));
    host.runs = { 'flights-on-time': [over] };
    host.logs = [{ at: over.started_at, level: 'info', message: 'the very last line' }];
    await queryClient.refetchQueries({ queryKey: ['ingestion', 'runs', over.id], exact: true });
    expect(await screen.findByText('the very last line')).toBeVisible();
  });

  it('tells attempts apart when there is more than one', async () => {
    const at = runningRun.started_at;
    const line = (attempt, message) => ({ at, level: 'error', message, attempt });
    const { host, queryClient } = openApp('/pipelines/flights-on-time?job=fetch', {
      logs: [line(1, 'once')],
    });
    const log = await screen.findByRole('log');
    expect(within(log).queryByText('Attempt 1')).toBeNull();
    host.logs = [line(1, 'once'), line(1, 'failed'), line(2, 'again')];
    await queryClient.refetchQueries({ queryKey: ['ingestion', 'runs'] });
    expect(await within(log).findByText('Attempt 2')).toBeVisible();
    expect(log).toHaveTextContent(/Attempt 1.*once.*failed.*Attempt 2.*again/);
  });
});

function linesOf(count) {
  return Array.from({ length: count }, (_, at) => ({
    at: runningRun.started_at,
    level: at % 100 === 99 ? 'warning' : 'info',
    message: `read file ${at}`,
    attempt: 1,
  }));
}

const cursorsAsked = () =>
  requests.filter(({ path }) => path.endsWith('/logs')).map(({ query }) => query.get('cursor'));

describe('a long log', () => {
  it('is followed past its first page, and asked for only from its last page on', async () => {
    const { host, queryClient } = openApp('/pipelines/flights-on-time?job=fetch', {
      logs: linesOf(1200),
    });
    expect(await screen.findByText('1,200 lines')).toBeVisible();
    expect(cursorsAsked().slice(0, 3)).toEqual([null, '500', '1000']);
    requests.length = 0;
    host.logs = linesOf(1700);
    await queryClient.refetchQueries({ queryKey: ['ingestion', 'runs'] });
    expect(await screen.findByText('1,700 lines')).toBeVisible();
    expect(screen.getByText('read file 1699')).toBeVisible();
    expect(cursorsAsked()).toContain('1500');
    expect(cursorsAsked().filter((cursor) => Number(cursor) < 1000)).toEqual([]);
  });

  it('is whole when the job is over', async () => {
    openApp('/pipelines/vendor-orders?job=load', { logs: linesOf(601) });
    expect(await screen.findByText('601 lines')).toBeVisible();
    expect(screen.getByText('read file 600')).toBeVisible();
    expect(screen.queryByText('Load more lines')).toBeNull();
  });

  it('is searched in the address, by words and by level', async () => {
    const { user, router } = openApp('/pipelines/vendor-orders?job=load', { logs: linesOf(601) });
    const field = await screen.findByLabelText('Find in the log');
    await user.click(field);
    await user.paste('FILE 9');
    expect(await screen.findByText('11 of 601 lines')).toBeVisible();
    expect(router.state.location.search.find).toBe('FILE 9');
    expect(screen.getAllByText('file 9', { selector: 'mark' })).toHaveLength(11);
    await user.clear(field);
    await user.paste('warning');
    expect(await screen.findByText('6 of 601 lines')).toBeVisible();
    await user.paste('x');
    expect(await screen.findByText('No line has “warningx”.')).toBeVisible();
    await user.click(screen.getByLabelText('Close the job'));
    expect(router.state.location.search).toEqual({});
  });

  it('is copied as it is shown, with full times', async () => {
    const { user } = openApp('/pipelines/vendor-orders?job=load&find=99', { logs: linesOf(200) });
    await user.click(await screen.findByLabelText('Copy the lines found'));
    expect(await screen.findByLabelText('Copied')).toBeVisible();
    expect(await navigator.clipboard.readText()).toBe(
      `${runningRun.started_at} warning read file 99\n` +
        `${runningRun.started_at} warning read file 199\n`,
    );
  });

  it('is saved whole, whatever is shown of it', async () => {
    const saved = vi.fn();
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function click() {
      saved(this.download);
    });
    URL.createObjectURL = vi.fn(() => 'blob:x');
    URL.revokeObjectURL = vi.fn();
    const { user } = openApp('/pipelines/vendor-orders?job=load&find=99', { logs: linesOf(601) });
    await user.click(await screen.findByLabelText('Download the whole log'));
    await waitFor(() => expect(saved).toHaveBeenCalledWith(`load-${failedRun.id}.log`));
    const text = await URL.createObjectURL.mock.calls[0][0].text();
    expect(text.trimEnd().split('\n')).toHaveLength(601);
  });
});

describe('a run', () => {
  it('is stopped while it is under way', async () => {
    const { user } = openApp('/pipelines/flights-on-time');
    await user.click(await screen.findByRole('button', { name: 'Stop the run' }));
    await waitFor(() =>
      expect(requests.find(({ method }) => method === 'POST')?.path).toBe(
        `/ingestion/runs/${runningRun.id}/cancel`,
      ),
    );
  });

  it('is tried again when it failed, and says why it cannot be', async () => {
    const { user } = openApp('/pipelines/vendor-orders', {
      act: {
        status: 409,
        body: problem(409, { title: 'Conflict', detail: 'There is nothing to try again.' }),
      },
    });
    await user.click(
      await screen.findByRole('button', { name: 'Try again from where it stopped' }),
    );
    expect(await screen.findByText('There is nothing to try again.')).toBeVisible();
    expect(requests.find(({ method }) => method === 'POST').path).toBe(
      `/ingestion/runs/${failedRun.id}/retry`,
    );
  });

  it('that succeeded offers neither', async () => {
    openApp('/pipelines/sp500-daily');
    expect(await screen.findByRole('button', { name: 'Run now' })).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Stop the run' })).toBeNull();
    expect(screen.queryByRole('button', { name: /Try again/ })).toBeNull();
  });
});

describe('Run now', () => {
  it('leads to sign-in when the session is over', async () => {
    const { host, user } = openApp('/pipelines/vix-close');
    const button = await screen.findByRole('button', { name: 'Run now' });
    host.user = null;
    await user.click(button);
    expect(await screen.findByLabelText('User name')).toBeVisible();
  });

  it('starts a run with no parameters and shows it', async () => {
    const fresh = run('fresh', 'vix-close', {
      status: 'queued',
      started_at: null,
      jobs: [jobRun('fetch', 'extract')],
    });
    const { host, user, router } = openApp('/pipelines/vix-close');
    const button = await screen.findByRole('button', { name: 'Run now' });
    host.trigger = { status: 202, body: { run_id: 'fresh', status: 'queued' } };
    host.runs = { 'vix-close': [fresh] };
    await user.click(button);
    expect(await screen.findByText('Waits for its turn')).toBeVisible();
    expect(router.state.location.search.run).toBe('fresh');
    const asked = requests.filter(({ method }) => method === 'POST');
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ path: '/ingestion/pipelines/vix-close/trigger', body: {} });
  });

  it('explains a conflict and leads to the run under way', async () => {
    const { user, router } = openApp('/pipelines/sp500-daily', {
      trigger: {
        status: 409,
        body: problem(409, { title: 'Conflict', detail: 'Run older-0 runs.', run_id: 'older-0' }),
      },
    });
    await user.click(await screen.findByRole('button', { name: 'Run now' }));
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('This pipeline already has a run under way')).toBeVisible();
    await user.click(alert.getByRole('link', { name: 'Show the run that is under way' }));
    expect(router.state.location.search.run).toBe('older-0');
  });

  it('shows what is wrong with the parameters', async () => {
    const { user } = openApp('/pipelines/sp500-daily', {
      trigger: {
        status: 422,
        body: problem(422, {
          title: 'Invalid',
          errors: [{ pointer: '/params/since', detail: 'is required' }],
        }),
      },
    });
    await user.click(await screen.findByRole('button', { name: 'Run now' }));
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('/params/since is required');
  });

  it('asks for parameters where there are any, and sends them as their types', async () => {
    const { user, router } = openApp('/pipelines/hospital-backfill');
    await user.click(await screen.findByRole('button', { name: 'Run…' }));
    const dialog = within(await screen.findByRole('dialog'));
    expect(router.state.location.search.dialog).toBe('run');
    expect(dialog.getByLabelText('batch')).toHaveValue('500');
    await user.type(dialog.getByLabelText(/First day/), '2026-01-02');
    await user.type(dialog.getByLabelText(/Last day/), '2026-01-31');
    await user.selectOptions(dialog.getByLabelText('ward'), 'surgery');
    await user.selectOptions(dialog.getByLabelText('discharged'), 'No');
    await user.click(dialog.getByRole('button', { name: 'Run' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    const asked = requests.filter(({ method }) => method === 'POST');
    expect(asked).toHaveLength(1);
    expect(asked[0].body).toEqual({
      params: {
        from: '2026-01-02',
        until: '2026-01-31',
        ward: 'surgery',
        batch: 500,
        discharged: false,
      },
    });
  });

  it('says at each field what is missing or wrong, also what the host finds', async () => {
    const { user } = openApp('/pipelines/hospital-backfill?dialog=run', {
      trigger: {
        status: 422,
        body: problem(422, {
          title: 'Invalid',
          errors: [{ pointer: '/params/until', detail: 'is before from' }],
        }),
      },
    });
    const dialog = within(await screen.findByRole('dialog'));
    await user.type(dialog.getByLabelText('codes'), '[[');
    await user.click(dialog.getByRole('button', { name: 'Run' }));
    expect(dialog.getByLabelText(/First day/)).toHaveAccessibleDescription(/needs a value/);
    expect(dialog.getByLabelText('codes')).toHaveAccessibleDescription(/not JSON/);
    expect(dialog.getByLabelText(/First day/)).toHaveFocus();
    expect(requests.some(({ method }) => method === 'POST')).toBe(false);
    await user.clear(dialog.getByLabelText('codes'));
    await user.type(dialog.getByLabelText(/First day/), '2026-01-02');
    await user.type(dialog.getByLabelText(/Last day/), '2025-01-31');
    await user.click(dialog.getByRole('button', { name: 'Run' }));
    expect(await dialog.findByText('is before from')).toBeVisible();
  });

  it('explains a conflict in the dialog and leads to the run under way', async () => {
    const { user, router } = openApp('/pipelines/hospital-backfill?dialog=run', {
      trigger: {
        status: 409,
        body: problem(409, { title: 'Conflict', detail: 'Run older-0 runs.', run_id: 'older-0' }),
      },
    });
    const dialog = within(await screen.findByRole('dialog'));
    await user.type(dialog.getByLabelText(/First day/), '2026-01-02');
    await user.type(dialog.getByLabelText(/Last day/), '2026-01-31');
    await user.click(dialog.getByRole('button', { name: 'Run' }));
    await user.click(await dialog.findByRole('link', { name: 'Show the run that is under way' }));
    await waitFor(() => expect(router.state.location.search).toEqual({ run: 'older-0' }));
  });

  it('is no dialog for a viewer', async () => {
    openApp('/pipelines/hospital-backfill?dialog=run', {
      user: { username: 'vera', role: 'viewer' },
    });
    expect(await screen.findByText(/may not start runs/)).toBeVisible();
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('is offered for a paused pipeline', async () => {
    expect(pipelines.find(({ id }) => id === 'vix-close').enabled).toBe(false);
    openApp('/pipelines/vix-close');
    expect(await screen.findByRole('button', { name: 'Run now' })).toBeEnabled();
  });
});
