import { NativeSelect, PasswordInput, Textarea, TextInput } from '@mantine/core';
import { CHANNEL_KINDS, isPlain } from '../../lib/channels.js';
import { Notice } from '../../ui/notices.jsx';

const TOGGLE = { 'aria-label': 'Show the secret', tabIndex: 0 };
const plain = { autoComplete: 'off', autoCapitalize: 'none', spellCheck: false };

/**
 * The fields of an alert channel. `channel` is null for a new one, whose kind can be chosen. What is
 * sealed in the vault is not shown: an empty field leaves it as it is.
 */
export function ChannelFields({ channel, drafts, errors, onChange }) {
  const field = (name) => ({
    ...plain,
    name,
    value: drafts[name],
    error: errors[name],
    onChange: (event) => onChange(name, event.currentTarget.value),
  });
  return (
    <>
      <TextInput
        {...field('name')}
        label="Name"
        description="What pipelines say in on_failure"
        required
        data-autofocus
      />
      {!channel && <NativeSelect {...field('kind')} label="Kind" data={CHANNEL_KINDS} />}
      {drafts.kind === 'email' ? (
        <Textarea
          {...field('to')}
          label="Recipients"
          description="1 to 20 addresses, one in a line"
          required
          autosize={false}
          rows={3}
        />
      ) : (
        <UrlField field={field('url')} channel={channel} />
      )}
      {drafts.kind === 'webhook' && (
        <PasswordInput
          {...field('secret')}
          label="Secret"
          description={
            channel
              ? 'Set. Leave it empty to keep it; it goes with the origin of the URL'
              : 'Signs what is sent. Leave it empty: one is made and shown once'
          }
          visibilityToggleButtonProps={TOGGLE}
        />
      )}
    </>
  );
}

function UrlField({ field, channel }) {
  return (
    <>
      <TextInput
        {...field}
        type="url"
        label="URL"
        description={
          channel
            ? `Set, at ${channel.target}. It can be a secret, so it is not shown: leave it empty to keep it`
            : 'Where alerts are posted to. It is stored sealed and not shown again'
        }
        required={!channel}
      />
      {isPlain(field.value) && (
        <Notice tone="warning" title="Not https">
          <p>What is sent can be read and changed on its way.</p>
        </Notice>
      )}
    </>
  );
}
