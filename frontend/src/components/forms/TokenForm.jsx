import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useCreateToken } from '../../api/access.js';
import { fieldErrors, rolesUpTo } from '../../lib/access.js';
import { ErrorPanel } from '../../ui/notices.jsx';
import { SecretOnce } from '../panels/SecretOnce.jsx';
import classes from './AccessForms.module.css';

const LIVES = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
];

/** Makes an API token, and shows it until the reader has put it away. */
export function TokenForm({ role }) {
  const create = useCreateToken();
  const [gap, setGap] = useState(undefined);
  const errors = fieldErrors(create.error);

  function submit(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = Object.fromEntries(new FormData(form));
    const missing = fields.name.trim() ? undefined : 'Say what the token is for.';
    setGap(missing);
    create.reset();
    if (missing) {
      form.elements.name.focus();
      return;
    }
    create.mutate(
      {
        name: fields.name.trim(),
        role: fields.role,
        expires_in_days: Number(fields.expires_in_days),
      },
      { onSuccess: () => form.reset() },
    );
  }

  return (
    <>
      {create.data && (
        <SecretOnce
          title={`This is the token “${create.data.name}”`}
          what="the token"
          value={create.data.token}
          onDone={() => create.reset()}
        />
      )}
      <form className={classes.form} onSubmit={submit} noValidate aria-label="New token">
        {create.error && Object.keys(errors).length === 0 && <ErrorPanel error={create.error} />}
        <div className={classes.fields}>
          <TextInput
            name="name"
            label="Name"
            description="What it is for"
            maxLength={100}
            autoComplete="off"
            error={gap ?? errors.name}
          />
          <NativeSelect
            name="role"
            label="Role"
            description="The most it may do"
            data={rolesUpTo(role)}
            defaultValue="viewer"
            error={errors.role}
          />
          <NativeSelect
            name="expires_in_days"
            label="Lives for"
            description="Then it ends by itself"
            data={LIVES}
            defaultValue="90"
            error={errors.expires_in_days}
          />
        </div>
        <div>
          <Button type="submit" loading={create.isPending}>
            Make a token
          </Button>
        </div>
      </form>
    </>
  );
}
