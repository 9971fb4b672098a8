import { NOW } from '../test/fixtures/data.js';

/** What scenes may be visited in one after the other: scripts are fetched and compiled once. */
export function openContext(browser) {
  return browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
}

/**
 * Opens a scene in a page of its own, in which nothing is stored, and waits until its state is reached.
 * Without a `context` the page has one of its own, which goes with it.
 */
export async function visit({ browser, context: shared, origin, scenario, scene }) {
  const context = shared ?? (await openContext(browser));
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A failed request is part of many scenes and logged by the browser itself, as is a connection.
    const expected = /Failed to load resource|net::ERR_|WebSocket connection to \S+ failed/.test(
      message.text(),
    );
    if (message.type() === 'error' && !expected) complaints.push(`console: ${message.text()}`);
  });
  await page.addInitScript(() => {
    window.addEventListener('securitypolicyviolation', (event) =>
      // The browser check reads complaints from the console.
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  await page.addInitScript((signedIn) => {
    window.localStorage.clear();
    // As whoever signed in before has it.
    if (signedIn) window.localStorage.setItem('headgate-signed-in', '1');
  }, scene.state?.user !== null);
  await page.clock.setFixedTime(NOW);
  scenario.state = { ...scene.state };
  await page.goto(origin + scene.path, { waitUntil: 'commit' });
  if (scene.act) await scene.act(page);
  await page.getByText(scene.until).first().waitFor({ state: 'attached', timeout: 30_000 });
  if (scene.later) {
    scenario.state = { ...scene.later };
    await page.getByText(scene.laterUntil).first().waitFor({ timeout: 30_000 });
  }
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(300);
  return { page, complaints, close: () => (shared ? page.close() : context.close()) };
}
