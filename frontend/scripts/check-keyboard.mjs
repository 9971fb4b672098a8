// Walks through the job of each page with the keyboard alone, in the system's Chromium: every stop
// must be the expected one and must show its focus.
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { serve } from './serve.mjs';
import { visit } from './visit.mjs';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

/**
 * Each step is a key, what has the focus after it (the start of its name or text), and a text to
 * wait for where the key leads to another page.
 */
const WALKS = [
  {
    path: '/pipelines',
    until: 'Currency rates',
    steps: [
      ['Tab', 'Skip to the page'],
      ['Tab', 'Headgate'],
      ['Tab', 'Search'],
      ['Tab', 'Time zone'],
      ['Tab', 'Theme'],
      ['Tab', 'Account'],
      ['Tab', 'Pipelines'],
      ['Tab', 'Datasets'],
      ['Enter', 'Datasets', 'market.daily_prices'],
      ['Tab', 'Find a table'],
    ],
  },
  {
    path: '/pipelines/sp500-daily',
    until: 'yearly',
    start: '[data-job="fetch"]',
    steps: [
      ['ArrowRight', 'check'],
      ['ArrowRight', 'load'],
      ['ArrowLeft', 'check'],
      ['Enter', 'check'],
      ['Tab', 'Close the job'],
      ['Escape', 'check'],
      ['Tab', 'Zoom in'],
      ['Shift+Tab', 'check'],
    ],
  },
  {
    path: '/pipelines/many-jobs',
    until: 'job_117',
    start: '[data-job="job_117"]',
    steps: [
      ['ArrowRight', 'job_125'],
      ['ArrowRight', 'job_133'],
      ['ArrowRight', 'job_141'],
      ['ArrowRight', 'job_149'],
      ['ArrowRight', 'job_157'],
    ],
  },
  {
    path: '/pipelines/sp500-daily?view=list',
    until: 'yearly',
    start: 'main button[aria-haspopup="dialog"]',
    steps: [
      ['Enter', 'From', 'Choose a window'],
      ['Escape', 'Backfill…'],
      ['Tab', 'Run now'],
    ],
  },
  {
    path: '/pipelines/sp500-daily?view=list&tab=settings',
    until: 'Clocks go forward',
    start: 'input[name="schedule"]',
    steps: [
      ['Tab', 'Use it for Schedule'],
      ['Tab', 'Time zone'],
      ['Tab', 'Tasks at once'],
      ['Tab', 'Retries of a job'],
      ['Tab', 'Runs on its schedule'],
      ['Tab', 'Go back to the file'],
      ['Enter', 'Undo', 'settings hold again'],
    ],
  },
  {
    path: '/pipelines/hospital-backfill?view=list',
    until: 'load',
    start: 'main button[aria-haspopup="dialog"]',
    steps: [
      ['Enter', 'First day', 'What is left empty'],
      ['Escape', 'Run…'],
    ],
  },
  {
    path: '/pipelines/flights-on-time?view=timeline',
    until: 'Waits for what it needs',
    start: '[aria-label="Timeline of the run"]',
    steps: [
      ['Tab', 'fetch'],
      ['Tab', 'check'],
      ['Enter', 'check', 'out of memory'],
      ['Escape', 'check'],
    ],
  },
  {
    path: '/pipelines/sp500-daily?view=list',
    until: 'yearly',
    start: 'a[aria-label$="run older-3"][aria-label^="Compare"]',
    steps: [['Enter', 'Compared with', 'Two runs compared']],
  },
  {
    path: '/pipelines/sp500-daily?view=list&tab=backfills',
    until: '12 of 30',
    start: '[aria-label="Backfills"]',
    steps: [['Tab', 'Stop the backfill of 30 runs']],
  },
  {
    path: '/pipelines',
    until: 'Currency rates',
    start: 'header button[aria-haspopup="dialog"]',
    steps: [
      ['Control+k', 'Page, pipeline', 'Add an alert channel'],
      ['Escape', 'Search'],
      ['/', 'Page, pipeline'],
      ['a', 'Page, pipeline'],
      ['u', 'Page, pipeline', 'Audit log'],
      ['d', 'Page, pipeline'],
      ['ArrowDown', 'Page, pipeline'],
      ['ArrowUp', 'Page, pipeline'],
      ['Enter', 'Audit log', 'Who changed what'],
    ],
  },
  {
    path: '/pipelines/sp500-daily',
    until: 'yearly',
    start: '[data-job="fetch"]',
    steps: [
      ['?', 'Close', 'Ten rows up or down'],
      ['Tab', 'Close'],
      ['Escape', 'fetch'],
      ['ArrowRight', 'check'],
      ['/', 'Page, pipeline'],
      ['k', 'Page, pipeline'],
      ['e', 'Page, pipeline'],
      ['y', 'Page, pipeline'],
      ['b', 'Page, pipeline', 'Show the keys'],
      ['Enter', 'Close', 'Ten rows up or down'],
      ['Escape', 'check'],
    ],
  },
  {
    path: '/settings/alerts',
    until: 'oncall@example.com',
    start: 'main button[aria-haspopup="dialog"]',
    steps: [
      ['Enter', 'Name', 'stored sealed'],
      ['Escape', 'Add a channel'],
      ['Tab', 'Channels'],
      ['ArrowRight', 'Delivery log', 'Told to'],
      ['ArrowLeft', 'Channels', 'Goes to'],
      ['Tab', 'Alert channels'],
      ['Tab', 'chat'],
      ['Enter', 'chat', '3 attempts failed'],
    ],
  },
  {
    path: '/settings/users',
    until: 'data@example.com',
    start: 'main button[aria-haspopup="dialog"]',
    steps: [
      ['Enter', 'User name', 'Hand the password over'],
      ['Escape', 'Add a user'],
      ['Tab', 'Find a user'],
      ['Tab', 'Users'],
      ['Tab', 'admin'],
      ['Tab', 'data@example.com'],
      ['Enter', 'data@example.com', 'Their sessions end'],
      ['Tab', 'Viewer'],
    ],
  },
  {
    path: '/settings/audit',
    until: '192.0.2.44',
    start: 'main select',
    steps: [
      ['Tab', 'Audit log'],
      ['Tab', 'admin'],
      ['Tab', 'sp500-daily'],
      ['Tab', 'Copy the request id'],
      ['Shift+Tab', 'sp500-daily'],
      ['Shift+Tab', 'admin'],
    ],
  },
  {
    path: '/settings/plugins',
    until: 'Acme orders',
    start: 'main select',
    steps: [
      ['Tab', 'All plugins'],
      ['Shift+Tab', 'Kind'],
      ['Shift+Tab', 'Find a plugin'],
      ['Shift+Tab', 'Copy the command that checks vendor.so'],
    ],
  },
  {
    path: '/datasets/market.daily_prices',
    until: '2000-01-03',
    start: '[data-cell="0,0"]',
    steps: [
      ['ArrowDown', '2000-01-04'],
      ['ArrowRight', 'SPX'],
      ['Home', '2000-01-04'],
      ['Control+End', 'regular'],
      ['Control+Home', '2000-01-03'],
      ['ArrowUp', 'date\ndate'],
      ['ArrowDown', '2000-01-03'],
      ['Tab', 'Load more rows'],
    ],
  },
];

function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const style = window.getComputedStyle(element);
    const after = window.getComputedStyle(element, '::after');
    const name =
      element.getAttribute('aria-label') ??
      (element.innerText || element.labels?.[0]?.innerText || element.placeholder || '');
    const ringed = [style, after].some(
      ({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && outlineWidth !== '0px',
    );
    // A heading or panel title takes the focus to be read, not to be acted on.
    return { name: name.trim(), visible: ringed || /^H[12]$/.test(element.tagName) };
  });
}

async function reach(page, expected) {
  let seen;
  for (let tries = 0; tries < 200; tries += 1) {
    seen = await focused(page);
    if (seen.name.startsWith(expected)) return seen;
    await page.waitForTimeout(50);
  }
  return seen;
}

const scenario = { state: {} };
const server = await serve({ dist, scenario });
const browser = await launch();
let failures = 0;
let steps = 0;
try {
  for (const walk of WALKS) {
    const { page, close } = await visit({ browser, origin: server.origin, scenario, scene: walk });
    if (walk.start) await page.locator(walk.start).focus();
    for (const [key, expected, until] of walk.steps) {
      await page.keyboard.press(key);
      if (until) await page.getByText(until).first().waitFor();
      const seen = await reach(page, expected);
      steps += 1;
      const wrong = [
        seen.name.startsWith(expected) ? '' : `reached “${seen.name.slice(0, 60)}”`,
        seen.visible ? '' : 'shows no focus',
      ].filter(Boolean);
      if (wrong.length === 0) continue;
      failures += 1;
      console.log(`${walk.path}: ${key} should lead to “${expected}”: ${wrong.join(', ')}`);
    }
    await close();
  }
} finally {
  await browser.close();
  server.close();
}
console.log(`keyboard: ${steps} steps, ${failures} wrong`);
process.exitCode = failures > 0 ? 1 : 0;
