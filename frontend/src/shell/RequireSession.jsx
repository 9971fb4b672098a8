import { useQuery } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { sessionQuery } from '../api/queries.js';
import { Loading } from '../ui/Loading.jsx';
import { ErrorPanel } from '../ui/notices.jsx';
import { AppShell } from './AppShell.jsx';
import { CentredPage } from './CentredPage.jsx';

/** Lets a signed-in user through; sends anyone else to sign in, and back here afterwards. */
export function RequireSession() {
  const session = useQuery(sessionQuery);
  if (session.data) return <AppShell user={session.data} />;
  if (session.data === null) {
    return <ToSignIn />;
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

/**
 * Leads to sign-in once. The address to come back to is the one at that moment: it must not be read
 * again while the router is already on its way.
 */
function ToSignIn() {
  const router = useRouter();
  const navigate = useNavigate();
  const [wanted] = useState(() => router.state.location.href);
  useEffect(() => {
    navigate({ to: '/sign-in', search: { return: wanted }, replace: true });
  }, [navigate, wanted]);
  return null;
}
