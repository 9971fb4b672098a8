import { Button, TextInput } from '@mantine/core';
import { useRef, useState } from 'react';
import { useCreateUser } from '../../api/users.js';
import { fieldErrors, newUserGaps } from '../../lib/access.js';
import { Dialog } from '../../ui/Dialog.jsx';
import { ErrorPanel } from '../../ui/notices.jsx';
import classes from '../forms/AccessForms.module.css';
import { NewPasswordInput } from '../forms/NewPasswordInput.jsx';
import { RoleSelect } from '../forms/RoleSelect.jsx';

/** Makes a user. `onAdded` gets the user. */
export function AddUserModal({ onAdded, onClose }) {
  return (
    <Dialog title="Add a user" size="md" onClose={onClose}>
      <NewUser onAdded={onAdded} onClose={onClose} />
    </Dialog>
  );
}

function NewUser({ onAdded, onClose }) {
  const form = useRef(null);
  const create = useCreateUser();
  const [role, setRole] = useState('viewer');
  const [gaps, setGaps] = useState({});
  // A name that is taken is not named as a field.
  const taken = create.error?.status === 409 ? { username: create.error.detail } : {};
  const refused = { ...fieldErrors(create.error), ...taken };
  const errors = { ...refused, ...gaps };

  function submit(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form.current));
    const body = { username: given.username.trim(), password: given.password, role };
    const found = newUserGaps(body);
    setGaps(found);
    create.reset();
    const [first] = Object.keys(found);
    if (first) form.current.elements[first].focus();
    else create.mutate(body, { onSuccess: onAdded });
  }

  return (
    <form ref={form} className={classes.dialog} onSubmit={submit} noValidate>
      {create.error && Object.keys(refused).length === 0 && <ErrorPanel error={create.error} />}
      <TextInput
        name="username"
        label="User name"
        description="What is typed to sign in"
        required
        data-autofocus
        maxLength={64}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        error={errors.username}
      />
      <RoleSelect value={role} onChange={setRole} error={errors.role} />
      <NewPasswordInput label="Password" required error={errors.password} />
      <p className="muted">
        Hand the password over yourself; it can be changed under “Your access” after signing in.
      </p>
      <div className={classes.actions}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={create.isPending}>
          Add the user
        </Button>
      </div>
    </form>
  );
}
