import { NOW } from '../test/fixtures/data.js';

/** Opens a scene in a page of its own and waits until its state is reached. */
export async function visit({
  browser,
  origin,
  scenario,
  scene,
  theme = 'light',
  width = 1440,
  height = 900,
}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
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
  // As whoever signed in before has it.
  if (scene.state?.user !== null)
    await page.addInitScript(() => window.localStorage.setItem('headgate-signed-in', '1'));
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
  return { page, complaints, close: () => context.close() };
}
