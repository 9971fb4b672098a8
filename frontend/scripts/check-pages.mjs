// Visits every scene of the built site in the system's Chromium, in both themes, wide and narrow:
// axe must find nothing, nothing may scroll sideways, no short value of a table may be cut, what
// scrolls sideways in the page must show it, the content policy must not be broken.
//   node scripts/check-pages.mjs [--shots FOLDER] [NAME...]
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { scenes } from './scenes.mjs';
import { serve } from './serve.mjs';
import { openContext, visit } from './visit.mjs';

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);
const dist = fileURLToPath(new URL('../dist', import.meta.url));
/**
 * A theme changes nothing but colours, so where only the theme differs from the look before, axe need
 * not go through the rest again.
 */
const COLOURS = { runOnly: ['color-contrast', 'link-in-text-block'] };
const LOOKS = [
  { theme: 'light', width: 1440, rules: {} },
  { theme: 'dark', width: 1440, rules: COLOURS },
  { theme: 'dark', width: 390, rules: {} },
  { theme: 'light', width: 390, rules: COLOURS },
];
/** Scenes wait for the page more than they reckon: so many go on beside each other. */
const LANES = 3;
const NARROWEST = 360;

const args = process.argv.slice(2);
const shots = args[0] === '--shots' ? args[1] : null;
const wanted = new Set(shots ? args.slice(2) : args);

async function axeFindings(page, rules) {
  // The policy forbids added script elements; an evaluated text is not one.
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(axeSource);
  const violations = await page.evaluate(
    async (options) => (await window.axe.run(document, options)).violations,
    rules,
  );
  return violations.flatMap((violation) =>
    violation.nodes.slice(0, 3).map((node) => `axe ${violation.id}: ${node.html.slice(0, 160)}`),
  );
}

/** What floats (an open menu) finds its new place a moment after the window has another width. */
const SETTLE = { everyMs: 150, times: 8 };

async function sidewaysFindings(page, width) {
  await page.setViewportSize({ width, height: 900 });
  let wide = Infinity;
  for (let left = SETTLE.times; wide > width && left > 0; left -= 1) {
    await page.waitForTimeout(SETTLE.everyMs);
    wide = await page.evaluate(() => document.documentElement.scrollWidth);
  }
  return wide > width ? [`the page is ${wide} px wide in a window of ${width} px`] : [];
}

/** Values up to this length fit a column; only longer ones may end in an ellipsis. */
const WHOLE_LENGTH = 36;

async function cutFindings(page) {
  const cut = await page.evaluate(
    (length) =>
      [...document.querySelectorAll('[role=gridcell], [role=columnheader] > *')]
        .filter((box) => box.scrollWidth > box.clientWidth && box.textContent.length <= length)
        .map((box) => box.textContent),
    WHOLE_LENGTH,
  );
  return cut.slice(0, 3).map((text) => `“${text}” is cut`);
}

/** What scrolls sideways must show that there is more; ui/ScrollEdges.jsx does. */
async function edgeFindings(page) {
  const silent = await page.evaluate(() =>
    [...document.querySelectorAll('main *')]
      .filter(
        (box) =>
          /auto|scroll/.test(getComputedStyle(box).overflowX) &&
          box.scrollWidth > box.clientWidth + 1 &&
          !box.closest('[data-more-left], [data-more-right]'),
      )
      .map((box) => box.getAttribute('aria-label') ?? box.className),
  );
  return silent.map((name) => `“${name}” scrolls sideways and does not show it`);
}

/** What does not hang on colours, and so not on the theme. */
async function layoutFindings(page, width) {
  return [
    ...(await sidewaysFindings(page, width)),
    ...(await cutFindings(page)),
    ...(await edgeFindings(page)),
  ];
}

async function checkScene(where, scene) {
  const { page, complaints, close } = await visit({ ...where, scene });
  const findings = [];
  let laidOut = null;
  for (const { theme, width, rules } of LOOKS) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    // The page follows a moment later; colours would be those of the theme before.
    await page.waitForFunction(
      (scheme) => document.documentElement.dataset.mantineColorScheme === scheme,
      theme,
    );
    const found = laidOut === width ? [] : await layoutFindings(page, width);
    laidOut = width;
    found.push(...(await axeFindings(page, rules)));
    findings.push(...found.map((finding) => `${theme} ${width}: ${finding}`));
    if (shots)
      await page.screenshot({
        path: `${shots}/${scene.name}-${theme}-${width}.png`,
        fullPage: true,
      });
  }
  findings.push(...(await sidewaysFindings(page, NARROWEST)));
  await close();
  return [...findings, ...complaints];
}

/** Takes scenes from the queue, with a host of its own, until none is left; gives how many fail. */
async function checkLane(browser, queue) {
  const scenario = { state: {} };
  const server = await serve({ dist, scenario });
  const context = await openContext(browser);
  let failures = 0;
  for (let scene = queue.shift(); scene; scene = queue.shift()) {
    const findings = await checkScene({ context, origin: server.origin, scenario }, scene).catch(
      (error) => [error.message.split('\n').slice(0, 4).join(' ')],
    );
    for (const finding of new Set(findings)) console.log(`${scene.name}: ${finding}`);
    if (findings.length > 0) failures += 1;
  }
  await context.close();
  server.close();
  return failures;
}

if (shots) mkdirSync(shots, { recursive: true });
const queue = scenes.filter(({ name }) => wanted.size === 0 || wanted.has(name));
const visited = queue.length;
const browser = await launch();
let failures = 0;
try {
  const lanes = Array.from({ length: LANES }, () => checkLane(browser, queue));
  failures = (await Promise.all(lanes)).reduce((sum, count) => sum + count, 0);
} finally {
  await browser.close();
}
console.log(`pages: ${visited} scenes in ${LOOKS.length} looks, ${failures} with findings`);
process.exitCode = failures > 0 ? 1 : 0;
