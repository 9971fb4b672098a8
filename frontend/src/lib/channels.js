/** Alert channels between the API and what a person types. */
import { asSentence } from './runs.js';

export const CHANNEL_KINDS = [
  { value: 'webhook', label: 'Webhook, signed' },
  { value: 'slack', label: 'Slack, or what takes the same' },
  { value: 'email', label: 'E-mail' },
];

const KIND_WORDS = { webhook: 'Webhook', slack: 'Slack', email: 'E-mail' };

export const kindWord = (kind) => KIND_WORDS[kind] ?? kind;

const ALERT_WORDS = {
  'run.failed': 'Run failed',
  'alerts.held_back': 'Alerts held back',
  test: 'Test',
};

export const alertWord = (type) => ALERT_WORDS[type] ?? type;

/** A channel's state as lib/status.js names it. */
export function channelState({ enabled, failures, last_sent_at: sentAt }) {
  if (!enabled) return 'disabled';
  if (failures > 0) return 'failing';
  return sentAt ? 'delivers' : 'unproven';
}

/** Where it sends to, in one line. */
export const channelPlace = ({ to, target }) => (to ? to.join(', ') : (target ?? ''));

const isMail = (kind) => kind === 'email';

/** What the form begins with. What is sealed in the vault is empty, and stays so unless typed anew. */
export function channelDrafts(channel) {
  return {
    name: channel?.name ?? '',
    kind: channel?.kind ?? 'webhook',
    url: '',
    to: channel?.to?.join('\n') ?? '',
    secret: '',
    enabled: channel?.enabled ?? true,
  };
}

/** The addresses in a text, however they are parted. */
export const recipients = (text) => text.split(/[\s,;]+/).filter(Boolean);

/** What makes a channel of the drafts. */
export function newChannel({ name, kind, url, to, secret }) {
  return {
    name: name.trim(),
    kind,
    ...(isMail(kind) ? { to: recipients(to) } : { url: url.trim() }),
    ...(kind === 'webhook' && secret.trim() ? { secret: secret.trim() } : {}),
  };
}

/** What differs from the channel, ready to be sent; nothing that was not touched. */
export function channelPatch(channel, drafts) {
  const { name, enabled, to, ...sealed } = newChannelParts(drafts);
  const moved = to && to.join('\n') !== channel.to?.join('\n');
  return {
    ...(name === channel.name ? {} : { name }),
    ...(enabled === channel.enabled ? {} : { enabled }),
    ...(moved ? { to } : {}),
    ...Object.fromEntries(Object.entries(sealed).filter(([, value]) => value)),
  };
}

function newChannelParts(drafts) {
  const { kind: _fixed, ...parts } = newChannel(drafts);
  return { ...parts, enabled: drafts.enabled };
}

const NAME = /^[a-z0-9-]{1,63}$/;

function placeGap({ kind, url, to }, isNew) {
  if (isMail(kind)) {
    const wrong = recipients(to).find((address) => !/^[^@\s]+@[^@\s]+$/.test(address));
    if (wrong) return { to: `“${wrong}” is not an address like name@example.com.` };
    return recipients(to).length > 0 ? {} : { to: 'Say who gets the mails.' };
  }
  if (url.trim() === '') return isNew ? { url: 'Say where alerts are sent to.' } : {};
  return /^https?:\/\/[^/\s]/i.test(url.trim())
    ? {}
    : { url: 'A URL begins with https:// or http://.' };
}

/** What is wrong before the host is asked, by field. */
export function channelGaps(drafts, isNew) {
  const name = NAME.test(drafts.name.trim())
    ? {}
    : { name: 'Use 1 to 63 of a-z, 0-9 and -: pipelines name it so.' };
  return { ...name, ...placeGap(drafts, isNew) };
}

/** The host's errors by field; of a list's item they stand at the list. */
export function channelErrors(error) {
  const found = {};
  for (const { pointer, detail } of error?.errors ?? []) {
    const field = pointer.split('/')[1];
    found[field] ??= [asSentence(detail), error.hint].filter(Boolean).join(' ');
  }
  return found;
}

/** Whether what is sent to a URL can be read on its way. */
export const isPlain = (url) => /^http:\/\//i.test(url.trim());
