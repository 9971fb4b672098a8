import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { server } from './server.js';

// A busy machine is slow, not wrong.
configure({ asyncUtilTimeout: 10_000 });

const hasPage = typeof window !== 'undefined';

if (hasPage) {
  // What jsdom lacks and Mantine or xyflow ask for at start.
  window.matchMedia = (query) => ({
    matches: false,
    media: query,
    addEventListener: () => {},
    removeEventListener: () => {},
  });
  window.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  window.scrollTo = () => {};
  Element.prototype.scrollIntoView = () => {};
  // A layout: with boxes of no size, menus hide themselves as soon as they are placed.
  Element.prototype.getBoundingClientRect = () => new DOMRect(0, 0, 100, 20);
  Object.defineProperties(document.documentElement, {
    clientWidth: { value: 1024, configurable: true },
    clientHeight: { value: 768, configurable: true },
  });
}

/** A connection that never comes about; tests of live updates give their own. */
class NoSocket {
  addEventListener() {}
  close() {}
}

beforeAll(() => {
  server.listen({ onUnhandledRequest: 'error' });
  // Behind msw, which puts a socket of its own in the place of what it finds.
  Object.defineProperty(globalThis, 'WebSocket', {
    value: NoSocket,
    configurable: true,
    writable: true,
  });
});
afterEach(() => {
  cleanup();
  server.resetHandlers();
  if (hasPage) window.localStorage.clear();
});
afterAll(() => server.close());
