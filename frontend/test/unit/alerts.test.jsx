import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
// What the pages fetch late is here already: on a busy machine it is slower than a test waits.
import '../../src/components/modals/AddChannelModal.jsx';
import '../../src/components/modals/RemoveModal.jsx';
import '../../src/pages/admin/Alerts.jsx';
import '../../src/pages/admin/Channel.jsx';
import {
  channelDrafts,
  channelErrors,
  channelGaps,
  channelPatch,
  channelState,
  newChannel,
  recipients,
} from '../../src/lib/channels.js';
import { openApp } from '../app.jsx';
import { problem, users } from '../fixtures/data.js';
import { OF_FILE, alert, channel, channels, NEW_SECRET } from '../fixtures/settings.js';
import { requests } from '../server.js';

const sent = (method, path) => requests.filter((r) => r.method === method && r.path === path);
const row = (name) => within(screen.getByRole('link', { name }).closest('tr'));
const [chat, mail, , ops] = channels;
const at = ({ id }) => `/settings/alerts/${id}`;
const path = ({ id }) => `/alerts/channels/${id}`;

describe('a channel between the API and a form', () => {
  it.each([
    [{ enabled: false, failures: 3 }, 'disabled'],
    [{ failures: 1 }, 'failing'],
    [{}, 'delivers'],
    [{ last_sent_at: null }, 'unproven'],
  ])('%o is %s', (fields, state) => {
    expect(channelState(channel(1, 'x', fields))).toBe(state);
  });

  it('sends what belongs to its kind, and a secret only where one was typed', () => {
    const drafts = { ...channelDrafts(null), name: ' ops ', url: ' https://a.example/x ' };
    expect(newChannel(drafts)).toEqual({
      name: 'ops',
      kind: 'webhook',
      url: 'https://a.example/x',
    });
    expect(newChannel({ ...drafts, secret: 'whsec_a' }).secret).toBe('whsec_a');
    expect(newChannel({ ...drafts, kind: 'slack', secret: 'whsec_a' })).not.toHaveProperty(
      'secret',
    );
    const mails = { ...drafts, kind: 'email', to: 'a@example.com, b@example.org\n;c@example.net' };
    expect(newChannel(mails)).toEqual({
      name: 'ops',
      kind: 'email',
      to: ['a@example.com', 'b@example.org', 'c@example.net'],
    });
  });

  it('changes only what was touched', () => {
    expect(channelPatch(ops, channelDrafts(ops))).toEqual({});
    expect(channelPatch(mail, channelDrafts(mail))).toEqual({});
    expect(channelPatch(ops, { ...channelDrafts(ops), enabled: false })).toEqual({
      enabled: false,
    });
    expect(channelPatch(ops, { ...channelDrafts(ops), url: 'https://b.example/' })).toEqual({
      url: 'https://b.example/',
    });
    expect(channelPatch(mail, { ...channelDrafts(mail), to: 'oncall@example.com' })).toEqual({
      to: ['oncall@example.com'],
    });
  });

  it('is looked at before it is sent', () => {
    const right = { ...channelDrafts(null), name: 'ops', url: 'https://a.example/x' };
    expect(channelGaps(right, true)).toEqual({});
    for (const name of ['', 'Ops', 'o ps', 'a'.repeat(64)])
      expect(Object.keys(channelGaps({ ...right, name }, true))).toEqual(['name']);
    for (const url of ['', 'ftp://a.example', 'a.example', 'https://'])
      expect(Object.keys(channelGaps({ ...right, url }, true))).toEqual(['url']);
    expect(channelGaps({ ...right, url: '' }, false)).toEqual({});
    const mails = { ...right, kind: 'email' };
    expect(channelGaps({ ...mails, to: ' \n' }, false).to).toMatch(/^Say who/);
    expect(channelGaps({ ...mails, to: 'a@example.com nobody' }, true).to).toMatch(/“nobody”/);
    expect(recipients('  ')).toEqual([]);
  });

  it('has the host’s word at the field it is about, an item’s at its list', () => {
    const error = {
      hint: 'Set alerts.smtp in the host’s file.',
      errors: [
        { pointer: '/to/1', detail: 'a recipient is not an address' },
        { pointer: '/to/2', detail: 'second' },
        { pointer: '/kind', detail: 'no mail server is configured' },
      ],
    };
    expect(channelErrors(error)).toEqual({
      to: 'A recipient is not an address. Set alerts.smtp in the host’s file.',
      kind: 'No mail server is configured. Set alerts.smtp in the host’s file.',
    });
    expect(channelErrors(null)).toEqual({});
  });
});

describe('alert channels', () => {
  it('are listed with their state, and each leads to its page', async () => {
    const { user, router } = openApp('/settings/alerts');
    expect(await screen.findByRole('link', { name: 'chat' })).toBeVisible();
    expect(row('chat').getByText('Failing')).toBeVisible();
    expect(row('ops').getByText('Delivers')).toBeVisible();
    expect(row('old').getByText('Switched off')).toBeVisible();
    expect(row('unproven').getByText('Nothing sent yet')).toBeVisible();
    expect(row('mail').getByText('oncall@example.com, data@example.org')).toBeVisible();
    await user.click(screen.getByRole('link', { name: 'ops' }));
    expect(await screen.findByRole('heading', { level: 1, name: 'ops' })).toBeVisible();
    expect(router.state.location.pathname).toBe(at(ops));
  });

  it('are read, not changed, by a data scientist; a viewer is not shown them', async () => {
    openApp('/settings/alerts', { user: users.scientist });
    expect(await screen.findByRole('link', { name: 'chat' })).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Add a channel' })).toBeNull();
  });

  it('ask nothing for a viewer', async () => {
    openApp('/settings/alerts', { user: users.viewer });
    expect(await screen.findByText('Your role does not show the alert channels')).toBeVisible();
    expect(requests.some((request) => request.path.startsWith('/alerts'))).toBe(false);
  });

  it('are added, and the secret that was made is shown once', async () => {
    const { user, queryClient } = openApp('/settings/alerts?dialog=add');
    const dialog = within(await screen.findByRole('dialog'));
    await user.click(dialog.getByRole('button', { name: 'Add the channel' }));
    expect(dialog.getByLabelText(/^Name/)).toHaveFocus();
    expect(dialog.getByText('Say where alerts are sent to.')).toBeVisible();
    await user.type(dialog.getByLabelText(/^Name/), 'night-watch');
    await user.type(dialog.getByLabelText(/^URL/), 'http://alerts.example.net/hook');
    expect(dialog.getByText('Not https')).toBeVisible();
    await user.click(dialog.getByRole('button', { name: 'Add the channel' }));
    expect(await screen.findByText(NEW_SECRET)).toBeVisible();
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(sent('POST', '/alerts/channels')[0].body).toEqual({
      name: 'night-watch',
      kind: 'webhook',
      url: 'http://alerts.example.net/hook',
    });
    expect(await screen.findByRole('link', { name: 'night-watch' })).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'I have stored it' }));
    expect(screen.queryByText(NEW_SECRET)).toBeNull();
    const kept = queryClient
      .getQueryCache()
      .getAll()
      .map(({ state }) => state.data);
    expect(JSON.stringify(kept)).not.toContain(NEW_SECRET);
  });

  it('with a secret of one’s own do not show it again', async () => {
    const { user } = openApp('/settings/alerts?dialog=add');
    const dialog = within(await screen.findByRole('dialog'));
    await user.type(dialog.getByLabelText(/^Name/), 'own');
    await user.type(dialog.getByLabelText(/^URL/), 'https://alerts.example.net/hook');
    await user.type(dialog.getByLabelText('Secret'), NEW_SECRET);
    await user.click(dialog.getByRole('button', { name: 'Add the channel' }));
    expect(await screen.findByText('own is added')).toBeVisible();
    expect(document.body.innerHTML).not.toContain(NEW_SECRET);
  });

  it('by mail without a mail server are refused at the kind', async () => {
    const newChannelAnswer = {
      status: 422,
      body: problem(422, {
        title: 'Invalid',
        hint: 'Set alerts.smtp in the host’s file.',
        errors: [{ pointer: '/kind', detail: 'no mail server is configured' }],
      }),
    };
    const { user } = openApp('/settings/alerts?dialog=add', { newChannel: newChannelAnswer });
    const dialog = within(await screen.findByRole('dialog'));
    await user.selectOptions(dialog.getByLabelText('Kind'), 'email');
    expect(dialog.queryByLabelText('Secret')).toBeNull();
    await user.type(dialog.getByLabelText(/^Name/), 'mail-2');
    await user.type(dialog.getByLabelText(/^Recipients/), 'a@example.com');
    await user.click(dialog.getByRole('button', { name: 'Add the channel' }));
    expect(
      await dialog.findByText('No mail server is configured. Set alerts.smtp in the host’s file.'),
    ).toBeVisible();
  });
});

describe('a channel', () => {
  it('says what a test gave, whichever way', async () => {
    const { user, host } = openApp(at(ops));
    await user.click(await screen.findByRole('button', { name: 'Send a test' }));
    expect(await screen.findByText('The test was taken')).toBeVisible();
    expect(screen.getByText('It answered 200 after 124 ms.')).toBeVisible();
    host.test = { success: false, latency_ms: 9, http_status: 404, error: 'it answered 404' };
    await user.click(screen.getByRole('button', { name: 'Send a test' }));
    expect(await screen.findByText('The test was not delivered')).toBeVisible();
    expect(screen.getByText('It answered 404.')).toBeVisible();
    expect(screen.queryByText('The test was taken')).toBeNull();
  });

  it('that fails is tried again at once when asked', async () => {
    const { user } = openApp(at(chat));
    expect(await screen.findByText(/^3 attempts failed/)).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Try again now' }));
    await waitFor(() => expect(screen.queryByText(/^3 attempts failed/)).toBeNull());
    expect(sent('PATCH', path(chat))[0].body).toEqual({ enabled: true });
  });

  it('keeps what is sealed unless it is typed anew, and forgets what was typed', async () => {
    const { user, host } = openApp(at(ops), {
      changeChannel: {
        status: 422,
        body: problem(422, {
          title: 'Invalid',
          hint: 'Give a "secret" too.',
          errors: [{ pointer: '/secret', detail: 'the new URL has another origin' }],
        }),
      },
    });
    const url = await screen.findByLabelText(/^URL/);
    expect(url).toHaveValue('');
    expect(screen.getByRole('button', { name: 'Save' })).toBeDisabled();
    await user.type(url, 'https://elsewhere.example/x');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText(/another origin. Give a "secret" too./)).toBeVisible();
    host.changeChannel = null;
    await user.type(screen.getByLabelText('Secret'), NEW_SECRET);
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText('Saved.')).toBeVisible();
    expect(sent('PATCH', path(ops)).at(-1).body).toEqual({
      url: 'https://elsewhere.example/x',
      secret: NEW_SECRET,
    });
    expect(screen.getByLabelText(/^URL/)).toHaveValue('');
    expect(screen.getByLabelText('Secret')).toHaveValue('');
    expect(screen.getByText('https://elsewhere.example')).toBeVisible();
  });

  it('is only looked at by a data scientist', async () => {
    openApp(at(chat), { user: users.scientist });
    expect(
      await screen.findByText('Only an administrator changes and tests channels.'),
    ).toBeVisible();
    expect(screen.getByText(/^3 attempts failed/)).toBeVisible();
    expect(within(screen.getByRole('main')).queryByRole('button')).toBeNull();
  });

  it('that stands in a file is changed there, and tested here', async () => {
    const { user } = openApp(at(chat), {
      channels: channels.map((one) => ({ ...one, ...OF_FILE })),
    });
    expect(await screen.findByText('users/data-team.yaml')).toBeVisible();
    expect(screen.getByText(/^3 attempts failed/)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Try again now' })).toBeNull();
    expect(screen.queryByRole('form')).toBeNull();
    expect(screen.queryByRole('button', { name: 'Remove the channel…' })).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Send a test' }));
    expect(await screen.findByText('The test was taken')).toBeVisible();
  });

  it('is removed once its name is typed', async () => {
    const { user, router } = openApp(`${at(ops)}?dialog=remove`);
    const dialog = within(await screen.findByRole('dialog'));
    await user.type(dialog.getByLabelText(/^Type/), 'ops');
    await user.click(dialog.getByRole('button', { name: 'Remove for good' }));
    await waitFor(() => expect(router.state.location.pathname).toBe('/settings/alerts'));
    expect(await screen.findByRole('link', { name: 'chat' })).toBeVisible();
    expect(screen.queryByRole('link', { name: 'ops' })).toBeNull();
  });
});

describe('the delivery log', () => {
  it('says who was told, who was not and why', async () => {
    openApp('/settings/alerts?tab=log');
    const table = within(await screen.findByRole('region', { name: 'Delivery log' }));
    const [, first, test, third] = table.getAllByRole('row');
    expect(within(first).getByText('Waiting')).toBeVisible();
    expect(within(first).getByText('3 attempts')).toBeVisible();
    expect(within(first).getByText('It answered 503.')).toBeVisible();
    expect(within(first).getByRole('link')).toHaveAttribute(
      'href',
      expect.stringMatching(/^\/pipelines\/vendor-orders\?run=/),
    );
    expect(within(test).getByText('A test of the alert channel mail.')).toBeVisible();
    expect(within(third).getByText('There is no channel of this name.')).toBeVisible();
    expect(within(third).getByText('Held back')).toBeVisible();
  });

  it('is of one pipeline when asked, by the host', async () => {
    const { user, router } = openApp('/settings/alerts?tab=log');
    await screen.findByText('A test of the alert channel mail.');
    await user.selectOptions(await screen.findByLabelText('Pipeline'), 'vendor-orders');
    await waitFor(() => expect(screen.queryByText('A test of the alert channel mail.')).toBeNull());
    expect(router.state.location.search).toEqual({ tab: 'log', pipeline: 'vendor-orders' });
    expect(sent('GET', '/alerts').at(-1).query.get('pipeline')).toBe('vendor-orders');
    await user.selectOptions(screen.getByLabelText('Pipeline'), 'sp500-daily');
    expect(await screen.findByText('No alert matches')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Clear the filter' }));
    expect(await screen.findByText('A test of the alert channel mail.')).toBeVisible();
  });

  it('is of one channel and of one state when asked, of the same delivery', async () => {
    const { user, router } = openApp('/settings/alerts?tab=log');
    await screen.findByText('A test of the alert channel mail.');
    await user.selectOptions(screen.getByLabelText('Delivery'), 'suppressed');
    await waitFor(() => expect(screen.queryByText('A test of the alert channel mail.')).toBeNull());
    expect(screen.getByText('Held back', { selector: 'span' })).toBeVisible();
    // The keyboard stays where it chose.
    expect(screen.getByLabelText('Delivery')).toHaveFocus();
    await user.selectOptions(await screen.findByLabelText('Channel'), 'chat');
    expect(await screen.findByText('No alert matches')).toBeVisible();
    expect(router.state.location.search).toEqual({
      tab: 'log',
      delivery: 'suppressed',
      channel: 'chat',
    });
    await user.click(screen.getByRole('tab', { name: 'Channels' }));
    await waitFor(() => expect(router.state.location.search).toEqual({}));
  });

  it('comes in pages, and what is new waits above', async () => {
    const older = Array.from({ length: 4 }, (_, n) => alert(n + 1, { summary: `Failure ${n}` }));
    const { user, host, queryClient } = openApp('/settings/alerts?tab=log', {
      alerts: older,
      pageOf: 2,
    });
    expect(await screen.findByText('Failure 1.')).toBeVisible();
    expect(screen.queryByText('Failure 2.')).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Load older alerts' }));
    expect(await screen.findByText('Failure 3.')).toBeVisible();
    host.alerts = [alert(0, { summary: 'The newest' }), ...older];
    await queryClient.invalidateQueries();
    expect(await screen.findByText('1 new alert')).toBeVisible();
    expect(screen.queryByText('The newest.')).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Show' }));
    expect(screen.getByText('The newest.')).toBeVisible();
  });
});
