import { CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '../../ui/icons.js';

/** A field that narrows the list below it as one types. Its value lives in the address. */
export function SearchField({ label, value = '', onChange, className, size = 'sm' }) {
  return (
    <TextInput
      className={className}
      size={size}
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
      leftSection={<IconSearch size={size === 'xs' ? 14 : 16} aria-hidden="true" />}
      rightSection={
        value && (
          <CloseButton
            size={size}
            aria-label="Clear the search"
            onClick={() => onChange(undefined)}
          />
        )
      }
    />
  );
}
