import { Button, PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { useChangePassword } from '../../api/access.js';
import { fieldErrors, PASSWORD_MIN, passwordGap } from '../../lib/access.js';
import { ErrorPanel, Notice } from '../../ui/notices.jsx';
import classes from './AccessForms.module.css';

const TOGGLE = { 'aria-label': 'Show the password', tabIndex: 0 };

/** One's own password, which is never shown and kept nowhere in the page. */
export function PasswordForm() {
  const change = useChangePassword();
  const [gaps, setGaps] = useState({});
  const errors = { ...fieldErrors(change.error), ...gaps };

  function submit(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const body = Object.fromEntries(new FormData(form));
    const short = passwordGap(body.new_password);
    const found = {
      ...(body.current_password ? {} : { current_password: 'Enter your present password.' }),
      ...(short ? { new_password: short } : {}),
    };
    setGaps(found);
    change.reset();
    const [first] = Object.keys(found);
    if (first) form.elements[first].focus();
    else change.mutate(body, { onSuccess: () => form.reset() });
  }

  const field = (name, label, autoComplete, description) => (
    <PasswordInput
      name={name}
      label={label}
      description={description}
      autoComplete={autoComplete}
      error={errors[name]}
      visibilityToggleButtonProps={TOGGLE}
    />
  );

  return (
    <form className={classes.form} onSubmit={submit} noValidate aria-label="Password">
      {change.error && Object.keys(fieldErrors(change.error)).length === 0 && (
        <ErrorPanel error={change.error} />
      )}
      {change.isSuccess && (
        <Notice role="status" title="Your password is changed">
          <p>Your other sessions have ended. Your API tokens go on.</p>
        </Notice>
      )}
      <div className={classes.fields}>
        {field('current_password', 'Present password', 'current-password', 'To see that it is you')}
        {field(
          'new_password',
          'New password',
          'new-password',
          `At least ${PASSWORD_MIN} characters, such as a sentence`,
        )}
      </div>
      <div>
        <Button type="submit" loading={change.isPending}>
          Change the password
        </Button>
      </div>
    </form>
  );
}
