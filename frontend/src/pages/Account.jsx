import { useQuery } from '@tanstack/react-query';
import { sessionsQuery, tokensQuery } from '../api/access.js';
import { sessionQuery } from '../api/queries.js';
import classes from '../components/forms/AccessForms.module.css';
import { PasswordForm } from '../components/forms/PasswordForm.jsx';
import { TokenForm } from '../components/forms/TokenForm.jsx';
import { SessionsTable } from '../components/tables/SessionsTable.jsx';
import { TokensTable } from '../components/tables/TokensTable.jsx';
import { roleWord } from '../lib/access.js';
import { PageHead } from '../ui/PageHead.jsx';
import { QueryState } from '../ui/QueryState.jsx';

/** What everybody does with their own access: password, sessions, API tokens. */
export function Account() {
  const { data: user } = useQuery(sessionQuery);
  const tokens = useQuery(tokensQuery);
  const sessions = useQuery(sessionsQuery);
  return (
    <>
      <PageHead
        title="Your access"
        facts={`${user?.username} · ${roleWord(user?.role)}: your password, your sessions, and tokens for your scripts.`}
      />
      <Section title="API tokens">
        <p className="muted">
          A script sends one as <code>Authorization: Bearer …</code>. It may do at most what you may
          at that moment.
        </p>
        <TokenForm role={user?.role} />
        <QueryState query={tokens} what="your tokens" rows={3}>
          {(items) => <TokensTable tokens={items} />}
        </QueryState>
      </Section>
      <Section title="Sessions">
        <p className="muted">Where you are signed in. End what you do not know.</p>
        <QueryState query={sessions} what="your sessions" rows={2}>
          {(items) => <SessionsTable sessions={items} />}
        </QueryState>
      </Section>
      <Section title="Password">
        <p className="muted">A new one ends your other sessions.</p>
        <PasswordForm />
      </Section>
    </>
  );
}

function Section({ title, children }) {
  return (
    <section className={classes.section} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
