import { createMemoryHistory } from '@tanstack/react-router';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { App } from '../src/App.jsx';
import { createQueryClient } from '../src/api/queries.js';
import { noteAnswer } from '../src/api/connection.js';
import { noteSession } from '../src/lib/session.js';
import { createAppRouter } from '../src/router.jsx';
import { hostIs } from './server.js';

/**
 * jsdom goes through every rule and variable each time somebody asks whether a thing is visible, and
 * waits for movements that nobody sees.
 */
const UNSEEN = { env: 'test', withCssVariables: false, withGlobalClasses: false };

/** Opens the whole application at a path, with a host in the given state. */
export function openApp(path, state) {
  noteAnswer();
  if (state?.user !== null) noteSession(true);
  const host = hostIs(state);
  const router = createAppRouter({ history: createMemoryHistory({ initialEntries: [path] }) });
  const queryClient = createQueryClient({ retry: 0 });
  const user = userEvent.setup();
  render(<App queryClient={queryClient} router={router} mantine={UNSEEN} />);
  return {
    host,
    router,
    user,
    queryClient,
    heading: () => screen.findByRole('heading', { level: 1 }),
  };
}
