import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

/** Starts the system's Chromium with a fresh profile and nothing that reaches out by itself. */
export async function launch() {
  const executablePath = CANDIDATES.find((path) => path && existsSync(path));
  if (!executablePath) {
    throw new Error('No Chromium was found. Install the package "chromium", or set CHROMIUM.');
  }
  return chromium.launch({
    executablePath,
    // Chromium refuses its sandbox to root; the pages shown are our own.
    chromiumSandbox: process.getuid() !== 0,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
