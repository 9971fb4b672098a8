import { Button } from '@mantine/core';
import { CopyButton } from '../../ui/CopyButton.jsx';
import { Notice } from '../../ui/notices.jsx';
import classes from '../forms/AccessForms.module.css';

/** What the host shows this once, until the reader has put it away. `what` names it. */
export function SecretOnce({ title, what, value, onDone }) {
  return (
    <Notice tone="warning" role="alert" title={title}>
      <p>Store it now: it is shown this once, and the host does not show it again.</p>
      <p className={classes.secret}>
        <code>{value}</code>
        <CopyButton value={value} label={`Copy ${what}`} />
      </p>
      <p>
        <Button variant="default" size="xs" onClick={onDone}>
          I have stored it
        </Button>
      </p>
    </Notice>
  );
}
