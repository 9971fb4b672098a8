import { screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { browserWord, rolesUpTo } from '../../src/lib/access.js';
import { openApp } from '../app.jsx';
import { NEW_TOKEN, problem, users } from '../fixtures/data.js';
import { requests } from '../server.js';

const sent = (method, path) => requests.filter((r) => r.method === method && r.path === path);

describe('the page of one’s own access', () => {
  it('is in the navigation, for everybody', async () => {
    const { user } = openApp('/datasets', { user: users.viewer });
    await user.click(await screen.findByRole('link', { name: 'Your access' }));
    for (const name of ['API tokens', 'Sessions', 'Password'])
      expect(await screen.findByRole('heading', { level: 2, name })).toBeVisible();
  });
});

describe('API tokens', () => {
  it('are listed by how they begin, with their role and last use', async () => {
    openApp('/account');
    const row = within((await screen.findByText('nightly export')).closest('tr'));
    expect(row.getByText('hgt_4fQz9K…')).toBeVisible();
    expect(row.getByText('Viewer')).toBeVisible();
    expect(within(screen.getByText('notebook').closest('tr')).getByText('never')).toBeVisible();
  });

  it('are shown once, until they are put away', async () => {
    const { user, host } = openApp('/account');
    await user.type(await screen.findByLabelText('Name'), '  an export ');
    expect(screen.getByLabelText('Role')).toHaveValue('viewer');
    await user.selectOptions(screen.getByLabelText('Role'), 'data_scientist');
    await user.selectOptions(screen.getByLabelText('Lives for'), '7');
    await user.click(screen.getByRole('button', { name: 'Make a token' }));
    expect(await screen.findByText(NEW_TOKEN)).toBeVisible();
    const [request] = sent('POST', '/auth/tokens');
    expect(request.body).toEqual({
      name: 'an export',
      role: 'data_scientist',
      expires_in_days: 7,
    });
    expect(request.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
    expect(host.days).toBe(7);
    await user.click(screen.getByRole('button', { name: 'I have stored it' }));
    expect(screen.queryByText(NEW_TOKEN)).toBeNull();
    expect(await screen.findByText('an export')).toBeVisible();
  });

  it('need a name, and tell what the host says of a field', async () => {
    const newToken = {
      status: 422,
      body: problem(422, {
        title: 'Invalid',
        errors: [{ pointer: '/role', detail: 'a token’s role is at most your own' }],
      }),
    };
    const { user } = openApp('/account', { newToken });
    await user.click(await screen.findByRole('button', { name: 'Make a token' }));
    expect(screen.getByText('Say what the token is for.')).toBeVisible();
    expect(screen.getByLabelText('Name')).toHaveFocus();
    expect(sent('POST', '/auth/tokens')).toHaveLength(0);
    await user.type(screen.getByLabelText('Name'), 'x');
    await user.click(screen.getByRole('button', { name: 'Make a token' }));
    expect(await screen.findByText('a token’s role is at most your own')).toBeVisible();
  });

  it('end after a second question', async () => {
    const { user } = openApp('/account');
    await user.click(await screen.findByRole('button', { name: 'End the token notebook' }));
    expect(requests.some(({ method }) => method === 'DELETE')).toBe(false);
    await user.click(screen.getByRole('button', { name: 'Keep' }));
    await user.click(screen.getByRole('button', { name: 'End the token notebook' }));
    await user.click(screen.getByRole('button', { name: 'End the token notebook for good' }));
    await expect.poll(() => screen.queryByText('notebook')).toBeNull();
    expect(screen.getByText('nightly export')).toBeVisible();
  });

  it('have at most the role of who makes them', async () => {
    openApp('/account', { user: users.viewer, tokens: [] });
    expect(await screen.findByText('No tokens yet')).toBeVisible();
    const options = within(screen.getByLabelText('Role')).getAllByRole('option');
    expect(options.map(({ value }) => value)).toEqual(['viewer']);
    expect(rolesUpTo('admin').map(({ value }) => value)).toEqual([
      'admin',
      'data_scientist',
      'viewer',
    ]);
    expect(rolesUpTo(undefined)).toEqual([]);
  });
});

describe('sessions', () => {
  it('are told apart, and the page’s own has no button', async () => {
    const { user } = openApp('/account');
    const own = within((await screen.findByText('Firefox on Linux')).closest('tr'));
    expect(own.getByText('this one')).toBeVisible();
    expect(own.queryByRole('button')).toBeNull();
    await user.click(screen.getByRole('button', { name: 'End all others' }));
    await expect.poll(() => screen.queryByText('192.0.2.44')).toBeNull();
    expect(sent('DELETE', '/auth/sessions')).toHaveLength(1);
    expect(screen.queryByRole('button', { name: 'End all others' })).toBeNull();
  });

  it('name browsers and programs', () => {
    expect(browserWord(null)).toBe('Unknown program');
    expect(browserWord('python-requests/2.28')).toBe('python-requests/2.28');
    expect(
      browserWord('Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36'),
    ).toBe('Chrome on Windows');
  });
});

describe('the password', () => {
  it('is looked at before it is sent', async () => {
    const { user } = openApp('/account');
    await user.click(await screen.findByRole('button', { name: 'Change the password' }));
    expect(screen.getByText('Enter your present password.')).toBeVisible();
    expect(screen.getByText('A password has at least 12 characters.')).toBeVisible();
    expect(screen.getByLabelText('Present password')).toHaveFocus();
    expect(sent('POST', '/auth/password')).toHaveLength(0);
  });

  it('is changed, and the fields are empty behind it', async () => {
    const { user } = openApp('/account');
    await user.type(await screen.findByLabelText('Present password'), 'the old one');
    await user.type(screen.getByLabelText('New password'), 'a wholly new one');
    await user.click(screen.getByRole('button', { name: 'Change the password' }));
    expect(await screen.findByText('Your password is changed')).toBeVisible();
    expect(sent('POST', '/auth/password')[0].body).toEqual({
      current_password: 'the old one',
      new_password: 'a wholly new one',
    });
    expect(screen.getByLabelText('New password')).toHaveValue('');
  });

  it('says which field the host refuses, and how long to wait', async () => {
    const wrong = { pointer: '/current_password', detail: 'this is not your password' };
    const { user, host } = openApp('/account', {
      password: { status: 422, body: problem(422, { title: 'Invalid', errors: [wrong] }) },
    });
    await user.type(await screen.findByLabelText('Present password'), 'guess');
    await user.type(screen.getByLabelText('New password'), 'a wholly new one');
    await user.click(screen.getByRole('button', { name: 'Change the password' }));
    expect(await screen.findByText('this is not your password')).toBeVisible();
    host.password = { status: 429, body: problem(429, { title: 'Too many attempts' }) };
    await user.click(screen.getByRole('button', { name: 'Change the password' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('Too many attempts');
  });
});

it('the account menu leads there', async () => {
  const { user, router } = openApp('/pipelines');
  await user.click(await screen.findByRole('button', { name: 'Account: admin' }));
  await user.click(await screen.findByRole('menuitem', { name: 'Password, sessions, tokens' }));
  expect(await screen.findByRole('heading', { level: 1, name: 'Your access' })).toBeVisible();
  expect(router.state.location.pathname).toBe('/account');
});
