import { Button, TextInput } from '@mantine/core';
import { useId, useState } from 'react';
import { Dialog } from '../../ui/Dialog.jsx';
import { ErrorPanel } from '../../ui/notices.jsx';
import classes from '../forms/AccessForms.module.css';

/**
 * Asks for the name of a thing before it is removed for good; `children` says what goes with it.
 * `remove` is a mutation.
 */
export function RemoveModal({ kind, name, remove, onRemoved, onClose, children }) {
  const [typed, setTyped] = useState('');
  const why = useId();
  const right = typed === name;
  return (
    <Dialog title={`Remove the ${kind} ${name}`} size="md" onClose={onClose}>
      <div className={classes.dialog}>
        {children}
        {remove.error && <ErrorPanel error={remove.error} />}
        <TextInput
          label={
            <>
              Type <code>{name}</code> to remove it
            </>
          }
          value={typed}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <div className={classes.actions}>
          <span id={why} className="visually-hidden">
            {right ? '' : 'Type the name first.'}
          </span>
          <Button variant="default" onClick={onClose}>
            Keep
          </Button>
          <Button
            className={classes.danger}
            disabled={!right}
            aria-describedby={right ? undefined : why}
            loading={remove.isPending}
            onClick={() => remove.mutate(undefined, { onSuccess: onRemoved })}
          >
            Remove for good
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
