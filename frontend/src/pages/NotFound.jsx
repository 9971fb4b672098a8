import { Link } from '@tanstack/react-router';
import { IconMapOff } from '../ui/icons.js';
import { EmptyState } from '../ui/notices.jsx';
import { PageHead } from '../ui/PageHead.jsx';

/** An address that leads nowhere, within the shell. */
export function NotFound() {
  return (
    <>
      <PageHead title="No such page" />
      <EmptyState
        title="There is nothing at this address"
        icon={IconMapOff}
        action={<Link to="/pipelines">Go to the pipelines</Link>}
      >
        The link may be old, or mistyped.
      </EmptyState>
    </>
  );
}
