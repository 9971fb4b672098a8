import { createMemoryHistory } from '@tanstack/react-router';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { App } from '../src/App.jsx';
import { createQueryClient } from '../src/api/queries.js';
import { noteAnswer } from '../src/api/connection.js';
import { createAppRouter } from '../src/router.jsx';
import { hostIs } from './server.js';

/** Opens the whole application at a path, with a host in the given state. */
export function openApp(path, state) {
  noteAnswer();
  const host = hostIs(state);
  const router = createAppRouter({ history: createMemoryHistory({ initialEntries: [path] }) });
  const queryClient = createQueryClient({ retry: 0 });
  const user = userEvent.setup();
  render(<App queryClient={queryClient} router={router} />);
  return {
    host,
    router,
    user,
    queryClient,
    heading: () => screen.findByRole('heading', { level: 1 }),
  };
}
