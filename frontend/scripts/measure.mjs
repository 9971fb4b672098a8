// Measures the built site in the system's Chromium and prints the figures as JSON; fails where one is
// beyond its bound:
//   first_paint  of each page, with the CPU slowed 4 times, and the JS of its first load, in gzip
//   graph        200 jobs on which 10 updates a second arrive: how long the main thread is blocked
//   node scripts/measure.mjs [--runs N] [--seconds N] [--only first_paint|graph]
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { manyJobs, pipeline } from '../test/fixtures/data.js';
import { channels } from '../test/fixtures/settings.js';
import { launch } from './browser.mjs';
import { serve } from './serve.mjs';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const SLOWED = 4;
const BOUNDS = { firstPaintMs: 1500, jsKib: 200, taskMs: 50 };
const JOBS = 200;
const UPDATES_PER_S = 10;
/** So many jobs change with each update. */
const CHANGED = 20;
/** What is done for the first time (compiling, laying out) is no update. */
const SETTLE_MS = 2500;

const PAGES = {
  'sign-in': { path: '/sign-in', until: 'User name', state: { user: null } },
  pipelines: { path: '/pipelines', until: 'Currency rates' },
  'pipeline (list)': { path: '/pipelines/sp500-daily?view=list', until: 'yearly' },
  datasets: { path: '/datasets', until: 'market.daily_prices' },
  dataset: { path: '/datasets/market.daily_prices', until: '2000-01-03' },
  account: { path: '/account', until: '192.0.2.44' },
  alerts: { path: '/settings/alerts', until: 'oncall@example.com' },
  channel: { path: `/settings/alerts/${channels[3].id}`, until: 'It can be a secret' },
  users: { path: '/settings/users', until: 'data@example.com' },
  user: { path: '/settings/users/vera', until: '192.0.2.44' },
  plugins: { path: '/settings/plugins', until: 'Acme orders' },
  audit: { path: '/settings/audit', until: '192.0.2.44' },
};

function option(name, otherwise) {
  const at = process.argv.indexOf(name);
  const value = at > 0 ? Number(process.argv[at + 1]) : otherwise;
  if (!(Number.isInteger(value) && value > 0)) throw new Error(`${name} takes a number above 0`);
  return value;
}

/** `{min, median, max}` of figures, each rounded. */
function spread(figures) {
  const sorted = figures.toSorted((a, b) => a - b).map(Math.round);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}

/** A page as on a first visit: its context has no cache and nothing stored. */
async function openFresh(browser, signedIn, slowed) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  if (signedIn)
    await page.addInitScript(() => window.localStorage.setItem('headgate-signed-in', '1'));
  if (slowed) {
    const devtools = await context.newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWED });
  }
  return { page, close: () => context.close() };
}

async function firstVisit(browser, server, scenario, { path, until, state }) {
  scenario.state = { ...state };
  const { page, close } = await openFresh(browser, state?.user !== null, true);
  const scripts = [];
  page.on('response', (response) => {
    // Workers aside, which come with the graph.
    if (response.request().resourceType() === 'script') scripts.push(response.body());
  });
  await page.goto(server.origin + path, { waitUntil: 'commit' });
  await page.getByText(until).first().waitFor();
  const shownMs = await page.evaluate(() => performance.now());
  const paintMs = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0].startTime,
  );
  const bodies = await Promise.all(scripts);
  await close();
  const js = bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0);
  return { paintMs, shownMs, jsKib: js / 1024 };
}

async function measurePage(browser, server, scenario, what, runs) {
  const visits = [];
  for (let left = runs; left > 0; left -= 1)
    visits.push(await firstVisit(browser, server, scenario, what));
  return {
    first_paint_ms: spread(visits.map(({ paintMs }) => paintMs)),
    data_shown_ms: spread(visits.map(({ shownMs }) => shownMs)),
    js_gzip_kib: Number(Math.max(...visits.map(({ jsKib }) => jsKib)).toFixed(1)),
  };
}

const STATES = ['queued', 'running', 'succeeded'];

/** The jobs after one more update: CHANGED of them have another state. */
function changed(jobs, update) {
  return jobs.map((job, at) =>
    (at + update) % (JOBS / CHANGED) === 0
      ? { ...job, status: STATES[(STATES.indexOf(job.status) + 1) % STATES.length] }
      : job,
  );
}

const GRAPH = 'graph';
const TASKS = new Set(['RunTask', 'ThreadControllerImpl::RunTask']);

/**
 * How long the longest task kept the page's main thread, by the thread's own clock: what else the
 * machine did meanwhile does not count.
 */
function longestTaskMs(events) {
  const mains = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const longest = events
    .filter(({ name, pid, tid }) => TASKS.has(name) && mains.has(`${pid} ${tid}`))
    .reduce((most, { tdur = 0 }) => Math.max(most, tdur), 0);
  return Number((longest / 1000).toFixed(1));
}

async function measureGraph(browser, server, scenario, seconds, slowed) {
  let jobs = manyJobs(JOBS);
  const state = () => ({ pipelines: [pipeline(GRAPH, { status: 'running', jobs })] });
  scenario.state = state();
  const { page, close } = await openFresh(browser, true, slowed);
  await page.goto(`${server.origin}/pipelines/${GRAPH}`, { waitUntil: 'commit' });
  await page.locator('[data-job]').first().waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  // All of it in sight, so that every job is mounted and drawn.
  await page.getByRole('button', { name: 'Show the whole graph' }).click();
  await page.waitForTimeout(SETTLE_MS);
  await page.evaluate(() => {
    const seen = { tasks: [], draws: 0, frames: 0 };
    window.seen = seen;
    new PerformanceObserver((list) =>
      seen.tasks.push(...list.getEntries().map(({ duration }) => duration)),
    ).observe({ type: 'longtask' });
    new MutationObserver((changes) => {
      seen.draws += changes.length;
    }).observe(document.querySelector('.react-flow'), {
      subtree: true,
      attributeFilter: ['data-status'],
    });
    const frame = () => {
      seen.frames += 1;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const mounted = await page.locator('[data-job]').count();
  await browser.startTracing(page, { categories: ['toplevel'] });
  const begin = performance.now();
  let told = 0;
  while (performance.now() - begin < seconds * 1000) {
    jobs = changed(jobs, told);
    scenario.state = state();
    told += server.tell({
      id: `b-${told}`,
      type: 'job.updated',
      data: { id: `job_${told % JOBS}`, run_id: 'r', pipeline_id: GRAPH, status: 'running' },
    });
    await new Promise((resolve) => setTimeout(resolve, 1000 / UPDATES_PER_S));
  }
  const lasted = (performance.now() - begin) / 1000;
  const longestMs = longestTaskMs(JSON.parse(await browser.stopTracing()).traceEvents);
  const { tasks, draws, frames } = await page.evaluate(() => window.seen);
  await close();
  return {
    jobs_mounted: mounted,
    updates_per_s: Number((told / lasted).toFixed(1)),
    job_states_drawn: draws,
    frames_per_s: Number((frames / lasted).toFixed(1)),
    tasks_over_50_ms: tasks.length,
    longest_task_cpu_ms: longestMs,
    longest_task_ms: tasks.length > 0 ? Math.round(Math.max(...tasks)) : null,
  };
}

async function repeated(runs, measure) {
  const figures = [];
  for (let left = runs; left > 0; left -= 1) figures.push(await measure());
  return figures;
}

/**
 * What is beyond its bound, each as a text. Of pages the median counts, of tasks the longest of all runs, by
 * the thread's own time: the machine may have other work.
 */
function missed({ first_paint: pages, graph }) {
  const texts = Object.entries(pages).flatMap(([name, page]) => [
    page.first_paint_ms.median >= BOUNDS.firstPaintMs &&
      `${name}: first paint after ${page.first_paint_ms.median} ms`,
    page.js_gzip_kib > BOUNDS.jsKib && `${name}: ${page.js_gzip_kib} KiB of JS`,
  ]);
  const longest = Math.max(...graph.map((run) => run.longest_task_cpu_ms));
  texts.push(
    longest >= BOUNDS.taskMs && `graph: a task of ${longest} ms`,
    graph.some((run) => run.jobs_mounted < JOBS) && 'graph: not every job was mounted',
    graph.some((run) => run.job_states_drawn < JOBS * (seconds - 2)) &&
      'graph: the updates were not drawn',
  );
  return texts.filter(Boolean);
}

const runs = option('--runs', 5);
const seconds = option('--seconds', 10);
const only = process.argv.includes('--only')
  ? process.argv[process.argv.indexOf('--only') + 1]
  : null;
const scenario = { state: {} };
const server = await serve({ dist, scenario });
const browser = await launch();
try {
  const figures = { cpu_slowed: SLOWED, runs, first_paint: {}, graph: [] };
  for (const [name, what] of only === 'graph' ? [] : Object.entries(PAGES))
    figures.first_paint[name] = await measurePage(browser, server, scenario, what, runs);
  if (only !== 'first_paint') {
    figures.graph = await repeated(runs, () =>
      measureGraph(browser, server, scenario, seconds, false),
    );
    // For comparison: no bound holds there.
    figures.graph_slowed = await measureGraph(browser, server, scenario, seconds, true);
  }
  figures.missed = missed(figures);
  console.log(JSON.stringify(figures, null, 2));
  process.exitCode = figures.missed.length > 0 ? 1 : 0;
} finally {
  await browser.close();
  server.close();
}
