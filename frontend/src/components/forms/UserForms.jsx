import { Button, Checkbox } from '@mantine/core';
import { useRef, useState } from 'react';
import { useChangeUser } from '../../api/users.js';
import { fieldErrors, passwordGap } from '../../lib/access.js';
import { Notice } from '../../ui/notices.jsx';
import '@mantine/core/styles/Checkbox.layer.css';
import '@mantine/core/styles/InlineInput.layer.css';
import classes from './AccessForms.module.css';
import { ChangeError } from './ChangeError.jsx';
import { NewPasswordInput } from './NewPasswordInput.jsx';
import { RoleSelect } from './RoleSelect.jsx';

/**
 * What a user may do, and whether they may sign in. `last`: nobody else could administer the host.
 * `onReload` reads the user again and makes the form anew.
 */
export function UserRoleForm({ user, etag, own, last, onReload }) {
  const change = useChangeUser(user.username);
  const [role, setRole] = useState(user.role);
  const [disabled, setDisabled] = useState(user.disabled);
  const patch = {
    ...(role === user.role ? {} : { role }),
    ...(disabled === user.disabled ? {} : { disabled }),
  };
  const changed = Object.keys(patch).length > 0;
  const errors = fieldErrors(change.error);

  function submit(event) {
    event.preventDefault();
    if (changed) change.mutate({ patch, etag });
  }

  return (
    <form className={classes.form} onSubmit={submit} noValidate aria-label="Role">
      <ChangeError error={change.error} fields={errors} what="this user" onReload={onReload} />
      {last && (
        <Notice title="The last administrator who can sign in">
          <p>
            Keeps the role and cannot be removed: nobody could administer Headgate any more. Make
            another user an administrator first.
          </p>
        </Notice>
      )}
      <div className={classes.fields}>
        <RoleSelect
          value={role}
          disabled={last}
          error={errors.role}
          onChange={(next) => {
            setRole(next);
            change.reset();
          }}
        />
      </div>
      <Checkbox
        label="May sign in"
        description="Without this the sessions end, and tokens do nothing until it is set again"
        checked={!disabled}
        disabled={last}
        error={errors.disabled}
        onChange={(event) => {
          setDisabled(!event.currentTarget.checked);
          change.reset();
        }}
      />
      {own && changed && (
        <Notice tone="warning" title="This is you">
          <p>
            {patch.disabled
              ? 'You are signed out at once, and only another administrator lets you in again.'
              : 'You lose what the new role does not allow at once, these settings too.'}
          </p>
        </Notice>
      )}
      {!last && (
        <div className={classes.row}>
          <Button type="submit" disabled={!changed} loading={change.isPending}>
            Save
          </Button>
          <span role="status" className="muted">
            {change.isSuccess && !changed && 'Saved.'}
          </span>
        </div>
      )}
    </form>
  );
}

/** A new password for somebody else. */
export function UserPasswordForm({ user, etag, onReload }) {
  const form = useRef(null);
  const change = useChangeUser(user.username);
  const [gap, setGap] = useState(undefined);
  const errors = fieldErrors(change.error);

  function submit(event) {
    event.preventDefault();
    const { password } = Object.fromEntries(new FormData(form.current));
    const found = passwordGap(password);
    setGap(found);
    change.reset();
    if (found) form.current.elements.password.focus();
    else change.mutate({ patch: { password }, etag }, { onSuccess: () => form.current?.reset() });
  }

  return (
    <form
      ref={form}
      className={classes.form}
      onSubmit={submit}
      noValidate
      aria-label="New password"
    >
      <ChangeError error={change.error} fields={errors} what="this user" onReload={onReload} />
      {change.isSuccess && (
        <Notice role="status" title={`The password of ${user.username} is changed`}>
          <p>Their sessions have ended. Hand the new one over yourself.</p>
        </Notice>
      )}
      <div className={classes.fields}>
        <NewPasswordInput label="New password" error={gap ?? errors.password} />
      </div>
      <div>
        <Button type="submit" variant="default" loading={change.isPending}>
          Set the password
        </Button>
      </div>
    </form>
  );
}
