import { ErrorPanel } from '../ui/notices.jsx';

/**
 * A page that broke while it was drawn. The most common cause is a new version of the files on the
 * host while this tab still runs the old one.
 */
export function PageError({ error }) {
  return (
    <ErrorPanel
      error={{
        title: 'This page could not be shown',
        detail: error.message,
        hint: 'If Headgate was updated a moment ago, loading the page again mends it.',
      }}
      onRetry={() => window.location.reload()}
    />
  );
}
