import { useQuery } from '@tanstack/react-query';
import { sessionsQuery, tokensQuery } from '../api/access.js';
import { sessionQuery } from '../api/queries.js';
import { PasswordForm } from '../components/forms/PasswordForm.jsx';
import { TokenForm } from '../components/forms/TokenForm.jsx';
import { SessionsTable } from '../components/tables/SessionsTable.jsx';
import { TokensTable } from '../components/tables/TokensTable.jsx';
import { roleWord } from '../lib/access.js';
import { PageHead } from '../ui/PageHead.jsx';
import { QueryState } from '../ui/QueryState.jsx';
import { Section } from '../ui/Section.jsx';

/** What everybody does with their own access: password, sessions, API tokens. */
export function Account() {
  const { data: user } = useQuery(sessionQuery);
  const tokens = useQuery(tokensQuery());
  const sessions = useQuery(sessionsQuery());
  return (
    <>
      <PageHead
        title="Your access"
        facts={`${user?.username} · ${roleWord(user?.role)}: your password, your sessions, and tokens for your scripts.`}
      />
      <Section
        title="API tokens"
        note={
          <>
            A script sends one as <code>Authorization: Bearer …</code>. It may do at most what you
            may at that moment.
          </>
        }
      >
        <TokenForm role={user?.role} />
        <QueryState query={tokens} what="your tokens" rows={3}>
          {(items) => <TokensTable tokens={items} />}
        </QueryState>
      </Section>
      <Section title="Sessions" note="Where you are signed in. End what you do not know.">
        <QueryState query={sessions} what="your sessions" rows={2}>
          {(items) => <SessionsTable sessions={items} />}
        </QueryState>
      </Section>
      <Section title="Password" note="A new one ends your other sessions.">
        <PasswordForm />
      </Section>
    </>
  );
}
