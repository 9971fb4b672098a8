import { ActionIcon } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from './icons.js';

/** Copies a text. Says what it copies before, and that it did after. */
export function CopyButton({ value, label }) {
  const clipboard = useClipboard({ timeout: 1500 });
  const Icon = clipboard.copied ? IconCheck : IconCopy;
  const name = clipboard.copied ? 'Copied' : label;
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={22}
      aria-label={name}
      title={name}
      onClick={() => clipboard.copy(value)}
    >
      <Icon size={14} aria-hidden="true" />
    </ActionIcon>
  );
}
