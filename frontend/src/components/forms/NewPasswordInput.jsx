import { PasswordInput } from '@mantine/core';
import { PASSWORD_MIN } from '../../lib/access.js';

const TOGGLE = { 'aria-label': 'Show the password', tabIndex: 0 };

/** A password that an administrator gives somebody. */
export function NewPasswordInput(props) {
  return (
    <PasswordInput
      name="password"
      description={`At least ${PASSWORD_MIN} characters, such as a sentence`}
      autoComplete="new-password"
      visibilityToggleButtonProps={TOGGLE}
      {...props}
    />
  );
}
