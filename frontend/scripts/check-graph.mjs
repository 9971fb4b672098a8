// Opens, changes and closes jobs in the graph of a pipeline, in the system's Chromium: the scale must
// stay the reader's, the opened job must be in sight, names of usual length must not be cut, a graph
// that can be read whole must open so, and what the host tells must move nothing.
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { scenes } from './scenes.mjs';
import { serve } from './serve.mjs';
import { visit } from './visit.mjs';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
/** The graph may round its scale; more than this is a jump. */
const SCALE_SLACK = 0.001;
const NAME_LENGTH = 24;

const node = (job) => `[data-job="${job}"]`;

function scaleOf(page) {
  return page.evaluate(() => {
    const { transform } = document.querySelector('.react-flow__viewport').style;
    return Number(/scale\(([\d.]+)\)/.exec(transform)[1]);
  });
}

function isInSight(page, job) {
  return page.evaluate((selector) => {
    const frame = document.querySelector('.react-flow').getBoundingClientRect();
    const box = document.querySelector(selector)?.getBoundingClientRect();
    return Boolean(
      box &&
      box.left >= frame.left &&
      box.right <= frame.right &&
      box.top >= frame.top &&
      box.bottom <= frame.bottom,
    );
  }, node(job));
}

function cutNames(page) {
  return page.evaluate(
    (length) =>
      [...document.querySelectorAll('[data-job] .truncate')]
        .filter((box) => box.scrollWidth > box.clientWidth && box.textContent.length <= length)
        .map((box) => box.textContent),
    NAME_LENGTH,
  );
}

const placeOf = (page) =>
  page.evaluate(() => document.querySelector('.react-flow__viewport').style.transform);

/** Other states of the jobs, told by the host; nothing may move. */
async function jobsChange(page, { server, scenario }) {
  const before = await placeOf(page);
  const [pipeline] = scenario.state.pipelines;
  const jobs = pipeline.jobs.map((job) => ({ ...job, status: 'failed' }));
  scenario.state = { ...scenario.state, pipelines: [{ ...pipeline, jobs }] };
  server.tell({ id: 'b-1', type: 'pipeline.updated', data: { id: pipeline.id } });
  await page.locator('[data-status="failed"]').first().waitFor();
  if ((await placeOf(page)) !== before) throw new Error('the graph moved by itself');
}

/** How the graph opens: the whole of it, or a part, which it says. */
async function openingFindings(page, opens) {
  const jobs = await page
    .locator('[data-job]')
    .evaluateAll((all) => all.map((one) => one.dataset.job));
  const seen = await Promise.all(jobs.map((job) => isInSight(page, job)));
  const says = await page.getByText('Whole graph', { exact: true }).isVisible();
  const whole = seen.every(Boolean) && !says;
  return whole === (opens === 'whole') && says === (opens === 'part')
    ? []
    : [`does not open ${opens}`];
}

/** Each step acts on the page; afterwards the scale must be as before and `seen` in sight. */
const WALKS = [
  {
    scene: 'pipeline',
    opens: 'whole',
    steps: [
      ['open a job', (page) => page.locator(node('yearly')).click(), 'yearly'],
      ['open its neighbour', (page) => panelLink(page, 'load').click(), 'load'],
      ['open the one before', (page) => panelLink(page, 'check').click(), 'check'],
      ['close it', (page) => page.keyboard.press('Escape'), 'check'],
    ],
  },
  {
    scene: 'pipeline',
    before: (page) => page.getByRole('button', { name: 'Zoom out' }).click(),
    steps: [
      ['open a job after zooming', (page) => page.locator(node('monthly')).click(), 'monthly'],
      ['close it', (page) => page.keyboard.press('Escape'), 'monthly'],
    ],
  },
  {
    scene: 'pipeline-chain',
    opens: 'whole',
    steps: [['open the last job', (page) => page.locator(node('step_7')).click(), 'step_7']],
  },
  {
    scene: 'pipeline-sixty',
    opens: 'part',
    steps: [
      ['jobs change', jobsChange],
      ['open a job', (page) => page.locator(node('job_21')).click(), 'job_21'],
      ['open what needs it', (page) => panelLink(page, 'job_29').click(), 'job_29'],
      ['close it', (page) => page.keyboard.press('Escape'), 'job_29'],
    ],
  },
  {
    scene: 'pipeline-fan',
    steps: [['open a job', (page) => page.locator(node('list_the_regions')).click()]],
  },
];

function panelLink(page, job) {
  return page.getByRole('region', { name: /^Job / }).getByRole('link', { name: job, exact: true });
}

async function settled(page) {
  // Two frames for the observers, and the graph's own zoom by its buttons takes no time.
  await page.waitForTimeout(250);
}

async function walkFindings(page, walk, host) {
  const findings = walk.opens ? await openingFindings(page, walk.opens) : [];
  if (walk.before) {
    await walk.before(page);
    await settled(page);
  }
  const scale = await scaleOf(page);
  for (const [what, act, seen] of walk.steps) {
    await act(page, host);
    await settled(page);
    const now = await scaleOf(page);
    if (Math.abs(now - scale) > SCALE_SLACK) findings.push(`${what}: scale ${scale} became ${now}`);
    if (seen && !(await isInSight(page, seen))) findings.push(`${what}: ${seen} is out of sight`);
  }
  const cut = await cutNames(page);
  return [...findings, ...cut.map((name) => `“${name}” is cut`)];
}

const scenario = { state: {} };
const server = await serve({ dist, scenario });
const browser = await launch();
let failures = 0;
let steps = 0;
try {
  for (const walk of WALKS) {
    const scene = scenes.find(({ name }) => name === walk.scene);
    const { page, complaints, close } = await visit({
      browser,
      origin: server.origin,
      scenario,
      scene,
    });
    const findings = [...(await walkFindings(page, walk, { server, scenario })), ...complaints];
    for (const finding of findings) console.log(`${walk.scene}: ${finding}`);
    failures += findings.length;
    steps += walk.steps.length;
    await close();
  }
} finally {
  await browser.close();
  server.close();
}
console.log(`graph: ${steps} steps, ${failures} wrong`);
process.exitCode = failures > 0 ? 1 : 0;
