import { useQuery } from '@tanstack/react-query';
import { Navigate, useLocation } from '@tanstack/react-router';
import { sessionQuery } from '../api/queries.js';
import { Loading } from '../ui/Loading.jsx';
import { ErrorPanel } from '../ui/notices.jsx';
import { AppShell } from './AppShell.jsx';
import { CentredPage } from './CentredPage.jsx';

/** Lets a signed-in user through; sends anyone else to sign in, and back here afterwards. */
export function RequireSession() {
  const session = useQuery(sessionQuery);
  const location = useLocation();
  if (session.data) return <AppShell user={session.data} />;
  if (session.data === null) {
    return <Navigate to="/sign-in" search={{ return: location.href }} replace />;
  }
  return (
    <CentredPage title="Headgate">
      {session.isPending ? (
        <Loading what="Headgate" rows={2} />
      ) : (
        <ErrorPanel error={session.error} onRetry={() => session.refetch()} />
      )}
    </CentredPage>
  );
}
