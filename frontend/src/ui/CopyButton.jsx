import { ActionIcon } from '@mantine/core';
import { useTimeout } from '@mantine/hooks';
import { useState } from 'react';
import { copyText } from '../lib/handOver.js';
import { IconCheck, IconCopy, IconX } from './icons.js';

const SAID_MS = 1500;
const OUTCOMES = {
  copied: { icon: IconCheck, name: 'Copied' },
  refused: { icon: IconX, name: 'The browser did not let the page copy' },
};

/**
 * Copies a text, or what a function gives when it is pressed. Says what it copies before, and after
 * whether it did.
 */
export function CopyButton({ value, label, size = 22 }) {
  const [outcome, setOutcome] = useState(null);
  const forget = useTimeout(() => setOutcome(null), SAID_MS);
  const { icon: Icon, name } = OUTCOMES[outcome] ?? { icon: IconCopy, name: label };
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={size}
      aria-label={name}
      title={name}
      onClick={async () => {
        const done = await copyText(typeof value === 'function' ? value() : value);
        setOutcome(done ? 'copied' : 'refused');
        forget.start();
      }}
    >
      <Icon size={14} aria-hidden="true" />
    </ActionIcon>
  );
}
