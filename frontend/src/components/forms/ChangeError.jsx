import { Button } from '@mantine/core';
import { ErrorPanel, Notice } from '../../ui/notices.jsx';

/**
 * Why a change was not made: nothing where that stands at the `fields` it is about; for a thing that
 * somebody else changed meanwhile (412) the way to go on.
 */
export function ChangeError({ error, fields, what, onReload }) {
  if (!error || Object.keys(fields).length > 0) return null;
  if (error.status !== 412) return <ErrorPanel error={error} />;
  return (
    <Notice tone="warning" title={`Somebody else has changed ${what}`} role="alert">
      <p>Your change is not saved. Load what holds now, then make it again.</p>
      <p>
        <Button variant="default" size="xs" onClick={onReload}>
          Load what holds now
        </Button>
      </p>
    </Notice>
  );
}
