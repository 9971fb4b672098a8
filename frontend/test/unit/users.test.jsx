import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
// What the pages fetch late is here already: on a busy machine it is slower than a test waits.
import '../../src/components/modals/AddUserModal.jsx';
import '../../src/components/modals/RemoveModal.jsx';
import '../../src/pages/admin/User.jsx';
import '../../src/pages/admin/Users.jsx';
import { createRefresher } from '../../src/api/live.js';
import { lastAdmin, mayAs, newUserGaps } from '../../src/lib/access.js';
import { openApp } from '../app.jsx';
import { problem, users } from '../fixtures/data.js';
import { accounts, OF_FILE } from '../fixtures/settings.js';
import { requests } from '../server.js';

const sent = (method, path) => requests.filter((r) => r.method === method && r.path === path);
const LONG = 'a long enough one';

describe('rights', () => {
  it.each([
    ['admin', 'admin', true],
    ['data_scientist', 'admin', false],
    ['admin', 'data_scientist', true],
    ['viewer', 'viewer', true],
    ['viewer', 'data_scientist', false],
    [undefined, 'viewer', false],
    ['of another version', 'viewer', false],
  ])('%s for what %s may: %s', (role, wanted, may) => {
    expect(mayAs(role, wanted)).toBe(may);
  });

  it('the last administrator is who can sign in alone', () => {
    expect(lastAdmin(accounts)).toBe('admin');
    expect(lastAdmin(accounts.map((one) => ({ ...one, disabled: false })))).toBeNull();
    expect(lastAdmin([])).toBeNull();
  });

  it('a new user’s name and password are looked at', () => {
    expect(newUserGaps({ username: 'vera', password: LONG })).toEqual({});
    expect(newUserGaps({ username: 'a.b_c@d-e', password: LONG })).toEqual({});
    for (const username of ['', 'Vera', '-vera', 'vé', 'a'.repeat(65), 'a b'])
      expect(Object.keys(newUserGaps({ username, password: LONG }))).toEqual(['username']);
    // Characters are counted, not units of UTF-16.
    expect(Object.keys(newUserGaps({ username: 'vera', password: '😀'.repeat(11) }))).toEqual([
      'password',
    ]);
    expect(newUserGaps({ username: 'vera', password: '😀'.repeat(12) })).toEqual({});
  });
});

describe('the users', () => {
  it('are listed with role and state, and each leads to its page', async () => {
    const { user, router } = openApp('/settings/users');
    const row = within((await screen.findByText('former')).closest('tr'));
    expect(row.getByText('Switched off')).toBeVisible();
    expect(
      within(screen.getByRole('link', { name: 'admin' }).closest('tr')).getByText('· the last one'),
    ).toBeVisible();
    await user.type(screen.getByLabelText('Find a user'), 'DATA');
    expect(await screen.findByText('1 of 4 users')).toBeVisible();
    await user.click(screen.getByRole('link', { name: 'data@example.com' }));
    expect(
      await screen.findByRole('heading', { level: 1, name: 'data@example.com' }),
    ).toBeVisible();
    expect(router.state.location.pathname).toBe('/settings/users/data%40example.com');
  });

  it.each([users.viewer, users.scientist])('are not asked for by $role', async (user) => {
    openApp('/settings/users', { user });
    expect(await screen.findByText('Your role does not show the users')).toBeVisible();
    expect(screen.getByText(/Ask an administrator for the role “administrator”/)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Add a user' })).toBeNull();
    expect(screen.queryByRole('link', { name: 'Users' })).toBeNull();
    expect(sent('GET', '/users')).toHaveLength(0);
  });

  it('are added with what was typed, and the dialog is gone', async () => {
    const { user, router } = openApp('/settings/users?dialog=add');
    const dialog = within(await screen.findByRole('dialog'));
    await user.click(dialog.getByRole('button', { name: 'Add the user' }));
    expect(dialog.getByText(/^Use 1 to 64 of/)).toBeVisible();
    expect(dialog.getByLabelText(/^User name/)).toHaveFocus();
    expect(sent('POST', '/users')).toHaveLength(0);
    await user.type(dialog.getByLabelText(/^User name/), ' otto ');
    await user.type(dialog.getByLabelText(/^Password/), LONG);
    await user.selectOptions(dialog.getByLabelText('Role'), 'data_scientist');
    expect(dialog.getByText(/starts and stops runs/)).toBeVisible();
    await user.click(dialog.getByRole('button', { name: 'Add the user' }));
    expect(await screen.findByText('otto is added')).toBeVisible();
    const [request] = sent('POST', '/users');
    expect(request.body).toEqual({ username: 'otto', password: LONG, role: 'data_scientist' });
    expect(request.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
    expect(router.state.location.search).toEqual({});
    expect(await screen.findByRole('link', { name: 'otto' })).toBeVisible();
  });

  it('keep their names: one that is taken is said at the field', async () => {
    const newUser = {
      status: 409,
      body: problem(409, { title: 'Conflict', detail: 'there is a user "vera" already' }),
    };
    const { user } = openApp('/settings/users?dialog=add', { newUser });
    const dialog = within(await screen.findByRole('dialog'));
    await user.type(dialog.getByLabelText(/^User name/), 'vera');
    await user.type(dialog.getByLabelText(/^Password/), LONG);
    await user.click(dialog.getByRole('button', { name: 'Add the user' }));
    expect(await dialog.findByText('there is a user "vera" already')).toBeVisible();
    expect(dialog.getByLabelText(/^User name/)).toHaveAccessibleDescription(/already/);
  });
});

describe('a user', () => {
  it('gets another role, with the state that was read', async () => {
    const { user } = openApp('/settings/users/vera');
    const save = await screen.findByRole('button', { name: 'Save' });
    expect(save).toBeDisabled();
    await user.selectOptions(screen.getByLabelText('Role', { selector: 'select' }), 'admin');
    await user.click(screen.getByLabelText('May sign in'));
    await user.click(save);
    expect(await screen.findByText('Saved.')).toBeVisible();
    const [request] = sent('PATCH', '/users/vera');
    expect(request.body).toEqual({ role: 'admin', disabled: true });
    expect(request.headers['if-match']).toBe('"1"');
    expect(screen.getAllByText('Switched off')).not.toHaveLength(0);
    await user.click(screen.getByLabelText('May sign in'));
    await user.click(save);
    await waitFor(() => expect(sent('PATCH', '/users/vera')).toHaveLength(2));
    expect(sent('PATCH', '/users/vera')[1].headers['if-match']).toBe('"2"');
  });

  it('that somebody else changed is loaded anew', async () => {
    const { user, host } = openApp('/settings/users/vera', {
      changeUser: { status: 412, body: problem(412, { title: 'Precondition failed' }) },
    });
    await user.click(await screen.findByLabelText('May sign in'));
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText('Somebody else has changed this user')).toBeVisible();
    host.accounts = accounts.map((one) =>
      one.username === 'vera' ? { ...one, role: 'admin' } : one,
    );
    host.etag = '"7"';
    await user.click(screen.getByRole('button', { name: 'Load what holds now' }));
    await waitFor(() =>
      expect(screen.getByLabelText('Role', { selector: 'select' })).toHaveValue('admin'),
    );
    expect(screen.getByLabelText('May sign in')).toBeChecked();
  });

  it('stays as it was read under the hands of who changes it', async () => {
    const { queryClient } = openApp('/settings/users/vera');
    await screen.findByRole('button', { name: 'Save' });
    await screen.findByText('192.0.2.44');
    const [read, sessions] = ['/users/vera', '/auth/sessions'].map(
      (path) => sent('GET', path).length,
    );
    createRefresher(queryClient).lost();
    await waitFor(() => expect(sent('GET', '/auth/sessions').length).toBeGreaterThan(sessions));
    expect(sent('GET', '/users/vera')).toHaveLength(read);
  });

  it('gets a new password, which the page does not keep', async () => {
    const { user, queryClient } = openApp('/settings/users/vera');
    const field = await screen.findByLabelText('New password', { selector: 'input' });
    await user.type(field, 'short');
    await user.click(screen.getByRole('button', { name: 'Set the password' }));
    expect(screen.getByText('A password has at least 12 characters.')).toBeVisible();
    expect(field).toHaveFocus();
    await user.clear(field);
    await user.type(field, LONG);
    await user.click(screen.getByRole('button', { name: 'Set the password' }));
    expect(await screen.findByText('The password of vera is changed')).toBeVisible();
    expect(sent('PATCH', '/users/vera')[0].body).toEqual({ password: LONG });
    expect(field).toHaveValue('');
    expect(
      JSON.stringify(
        queryClient
          .getQueryCache()
          .getAll()
          .map((q) => q.state.data),
      ),
    ).not.toContain(LONG);
  });

  it('who is the last administrator keeps what makes them so', async () => {
    openApp('/settings/users/admin?dialog=remove');
    expect(await screen.findByText('The last administrator who can sign in')).toBeVisible();
    expect(screen.getByLabelText('Role', { selector: 'select' })).toBeDisabled();
    expect(screen.getByLabelText('May sign in')).toBeDisabled();
    expect(screen.queryByRole('button', { name: 'Remove the user…' })).toBeNull();
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(screen.getByRole('link', { name: 'Go to “Your access”' })).toBeVisible();
  });

  it('who takes the role from oneself is warned, and sees it at once', async () => {
    const state = { accounts: accounts.map((one) => ({ ...one, disabled: false })) };
    const { user, host } = openApp('/settings/users/admin', state);
    await user.selectOptions(
      await screen.findByLabelText('Role', { selector: 'select' }),
      'viewer',
    );
    expect(screen.getByText('This is you')).toBeVisible();
    host.user = { username: 'admin', role: 'viewer' };
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText('Your role does not show the users')).toBeVisible();
  });

  it('is removed once the name is typed, with what goes along', async () => {
    const { user, router } = openApp('/settings/users/vera');
    await user.click(await screen.findByRole('button', { name: 'Remove the user…' }));
    const dialog = within(await screen.findByRole('dialog'));
    expect(await dialog.findByText(/With 2 sessions and 2 API tokens/)).toBeVisible();
    const remove = dialog.getByRole('button', { name: 'Remove for good' });
    expect(remove).toBeDisabled();
    await user.type(dialog.getByLabelText(/^Type/), 'ver');
    expect(remove).toBeDisabled();
    await user.type(dialog.getByLabelText(/^Type/), 'a{Enter}');
    expect(remove).toBeEnabled();
    expect(sent('DELETE', '/users/vera')).toHaveLength(0);
    await user.click(remove);
    await waitFor(() => expect(router.state.location.pathname).toBe('/settings/users'));
    expect(sent('DELETE', '/users/vera')).toHaveLength(1);
    expect(await screen.findByText('3 users')).toBeVisible();
  });

  it('whom the host keeps is said in the dialog', async () => {
    const removeUser = {
      status: 409,
      body: problem(409, { title: 'Conflict', detail: '"vera" is the last admin who can sign in' }),
    };
    const { user } = openApp('/settings/users/vera?dialog=remove', { removeUser });
    const dialog = within(await screen.findByRole('dialog'));
    await user.type(dialog.getByLabelText(/^Type/), 'vera');
    await user.click(dialog.getByRole('button', { name: 'Remove for good' }));
    expect(await dialog.findByText(/is the last admin who can sign in/)).toBeVisible();
  });

  it('that stands in a file is changed there', async () => {
    openApp('/settings/users/vera?dialog=remove', {
      accounts: accounts.map((one) => ({ ...one, ...OF_FILE })),
    });
    expect(await screen.findByText('users/data-team.yaml')).toBeVisible();
    expect(await screen.findByText('192.0.2.44')).toBeVisible();
    expect(screen.queryByRole('form')).toBeNull();
    expect(screen.queryByRole('button', { name: 'Remove the user…' })).toBeNull();
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('whose entry in a file is gone can be changed and removed', async () => {
    openApp('/settings/users/vera', {
      accounts: accounts.map((one) => ({ ...one, origin: 'file', file: null, disabled: true })),
    });
    expect(await screen.findByText('No longer in the host’s files')).toBeVisible();
    expect(screen.getByLabelText('May sign in')).toBeEnabled();
    expect(screen.getByRole('button', { name: 'Remove the user…' })).toBeVisible();
  });
});
