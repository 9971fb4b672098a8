import { CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '../../ui/icons.js';

/** A field that narrows the list below it as one types. Its value lives in the address. */
export function SearchField({ label, value = '', onChange, className }) {
  return (
    <TextInput
      className={className}
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
      leftSection={<IconSearch size={16} aria-hidden="true" />}
      rightSection={
        value && (
          <CloseButton
            size="sm"
            aria-label="Clear the search"
            onClick={() => onChange(undefined)}
          />
        )
      }
    />
  );
}
