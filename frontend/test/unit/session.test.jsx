import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { openApp } from '../app.jsx';
import { problem } from '../fixtures/data.js';
import { requests } from '../server.js';

async function signIn(user, name, password) {
  if (name) await user.type(await screen.findByLabelText('User name'), name);
  if (password) await user.type(screen.getByLabelText('Password'), password);
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
}

describe('sign-in', () => {
  it('is asked for, and leads back to where the reader wanted to go', async () => {
    const { user, router } = openApp('/pipelines?q=rates', { user: null });
    expect(await screen.findByLabelText('User name')).toBeVisible();
    expect(router.state.location.pathname).toBe('/sign-in');
    await signIn(user, ' admin ', 'right');
    expect(await screen.findByText('1 of 7 pipelines')).toBeVisible();
    expect(router.state.location.href).toBe('/pipelines?q=rates');
    const login = requests.find(({ path }) => path === '/auth/login');
    expect(login.body).toEqual({ username: 'admin', password: 'right' });
    expect(screen.getByRole('heading', { level: 1 })).toHaveFocus();
  });

  it('says where the first password is', async () => {
    openApp('/sign-in', { user: null });
    const help = await screen.findByText(/On its first start/);
    expect(help).toHaveTextContent('printed once on the terminal');
    expect(help).toHaveTextContent('admin-password in the data folder');
  });

  it('says that name or password is wrong, without saying which', async () => {
    const { user } = openApp('/sign-in', { user: null });
    await signIn(user, 'admin', 'wrong');
    expect(await screen.findByRole('alert')).toHaveTextContent('User name or password is wrong');
    expect(screen.getByLabelText('Password')).toHaveFocus();
  });

  it('asks for what is missing, by the field, and sends nothing', async () => {
    const { user } = openApp('/sign-in', { user: null });
    await screen.findByLabelText('User name');
    await signIn(user, '', '');
    expect(screen.getByLabelText('User name')).toHaveAccessibleDescription('Enter your user name.');
    expect(screen.getByLabelText('User name')).toHaveFocus();
    expect(requests.some(({ path }) => path === '/auth/login')).toBe(false);
  });

  it.each([
    [429, 'Too many attempts', { 'Retry-After': '60' }, 'wait 60 s'],
    [503, 'Headgate is not ready', {}, 'database is away'],
  ])('explains %s', async (status, title, headers, more) => {
    const login = { status, headers, body: problem(status, { title: 'x', detail: 'y' }) };
    const { user } = openApp('/sign-in', { user: null, login });
    await signIn(user, 'admin', 'right');
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent(title);
    expect(alert).toHaveTextContent(more);
  });

  it('goes no further than this site afterwards', async () => {
    const { user, router } = openApp('/sign-in?return=//evil.example', { user: null });
    await signIn(user, 'admin', 'right');
    await waitFor(() => expect(router.state.location.pathname).toBe('/pipelines'));
  });
});

describe('the shell', () => {
  it('offers only pages that exist, and marks the current one', async () => {
    openApp('/datasets');
    await screen.findByText('market.daily_prices');
    const links = screen.getAllByRole('link', { name: /^(Pipelines|Datasets)$/ });
    expect(links.map((link) => link.getAttribute('href'))).toEqual(['/pipelines', '/datasets']);
    expect(links[1]).toHaveAttribute('aria-current', 'page');
    expect(links[0]).not.toHaveAttribute('aria-current');
  });

  it('names the document and moves the focus to the new page’s heading', async () => {
    const { user } = openApp('/pipelines');
    await screen.findByText('Currency rates');
    expect(document.title).toBe('Pipelines · Headgate');
    expect(screen.getByRole('heading', { level: 1 })).not.toHaveFocus();
    await user.click(screen.getByRole('link', { name: 'Datasets' }));
    await screen.findByText('market.daily_prices');
    expect(document.title).toBe('Datasets · Headgate');
    expect(screen.getByRole('heading', { level: 1, name: 'Datasets' })).toHaveFocus();
  });

  it('has a skip link to the page as its first stop', async () => {
    const { user } = openApp('/pipelines');
    await screen.findByText('Currency rates');
    await user.tab();
    expect(screen.getByText('Skip to the page')).toHaveFocus();
    expect(screen.getByText('Skip to the page')).toHaveAttribute('href', '#main');
    expect(screen.getByRole('main')).toHaveAttribute('id', 'main');
  });

  it('signs out and forgets what was loaded', async () => {
    const { user, queryClient } = openApp('/pipelines');
    await screen.findByText('Currency rates');
    await user.click(screen.getByRole('button', { name: 'Account: admin' }));
    await user.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
    expect(await screen.findByLabelText('User name')).toBeVisible();
    expect(queryClient.getQueryData(['ingestion', 'pipelines'])).toBeUndefined();
  });

  it('lets the reader choose theme and zone, and keeps the choice', async () => {
    const { user } = openApp('/pipelines');
    await screen.findByText('Currency rates');
    screen.getByRole('button', { name: /^Theme/ }).focus();
    await user.keyboard('{Enter}');
    const chosen = await screen.findByRole('menuitemradio', { name: 'As the system' });
    await waitFor(() => expect(chosen).toHaveFocus());
    await user.keyboard('{ArrowUp}{Enter}');
    expect(document.documentElement).toHaveAttribute('data-mantine-color-scheme', 'dark');
    expect(window.localStorage.getItem('headgate-color-scheme')).toBe('dark');
    await waitFor(() => expect(screen.queryByRole('menu')).toBeNull());
    await user.click(screen.getByRole('button', { name: 'Time zone: UTC' }));
    await user.click(await screen.findByRole('menuitemradio', { name: /browser/ }));
    expect(window.localStorage.getItem('headgate-zone')).toBe('browser');
  });

  it('says that the host does not answer, and that it does again', async () => {
    const { host, queryClient } = openApp('/pipelines');
    await screen.findByText('Currency rates');
    expect(screen.getByText('Connecting')).toBeVisible();
    host.silent = true;
    await queryClient.refetchQueries();
    expect(await screen.findByText('Disconnected · retrying')).toBeVisible();
    expect(screen.getByText('Currency rates')).toBeVisible();
    host.silent = false;
    await queryClient.refetchQueries();
    expect(await screen.findByText('Connecting')).toBeVisible();
  });

  it('sends a reader whose session ended to sign in, and back to the same address', async () => {
    const { host, queryClient, router } = openApp('/datasets?q=rates');
    await screen.findByText('market.currency_rates');
    host.user = null;
    await queryClient.refetchQueries();
    expect(await screen.findByLabelText('User name')).toBeVisible();
    expect(router.state.location.search.return).toBe('/datasets?q=rates');
  });

  it('shows a page for an address that leads nowhere', async () => {
    openApp('/no/such/page');
    expect(await screen.findByText('There is nothing at this address')).toBeVisible();
    expect(document.title).toBe('No such page · Headgate');
  });
});
