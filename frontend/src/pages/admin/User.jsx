import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { sessionsQuery, tokensQuery } from '../../api/access.js';
import { sessionQuery } from '../../api/queries.js';
import { userQuery, useRemoveUser, usersQuery } from '../../api/users.js';
import { UserPasswordForm, UserRoleForm } from '../../components/forms/UserForms.jsx';
import { FromFile } from '../../components/panels/FromFile.jsx';
import { ForRole } from '../../components/panels/ForRole.jsx';
import { SessionsTable } from '../../components/tables/SessionsTable.jsx';
import { TokensTable } from '../../components/tables/TokensTable.jsx';
import { lastAdmin, roleWord } from '../../lib/access.js';
import { formatAmount } from '../../lib/format.js';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Section } from '../../ui/Section.jsx';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './settings.module.css';

const RemoveModal = lazy(() =>
  import('../../components/modals/RemoveModal.jsx').then((module) => ({
    default: module.RemoveModal,
  })),
);

/** One user: role, password, where they are signed in, their tokens. */
export function User() {
  const { username } = useParams({ from: '/app/settings/users/$username' });
  return (
    <>
      <div className={classes.crumb}>
        <Link to="/settings/users">Users</Link>
      </div>
      <ForRole least="admin" what="the users">
        <UserPage key={username} username={username} />
      </ForRole>
    </>
  );
}

function UserPage({ username }) {
  const query = useQuery(userQuery(username));
  const [loads, setLoads] = useState(0);
  const found = query.data?.body;
  return (
    <>
      <PageHead
        title={username}
        state={found && <Status status={found.disabled ? 'disabled' : 'enabled'} />}
        facts={
          found && (
            <span>
              {roleWord(found.role)} · added <Time value={found.created_at} />
            </span>
          )
        }
      />
      <QueryState query={query} what="the user" least="admin" rows={4}>
        {({ body, etag }) => (
          <UserSections
            // What was typed over what somebody else has changed is gone with it.
            key={loads}
            user={body}
            etag={etag}
            onReload={async () => {
              await query.refetch();
              setLoads(loads + 1);
            }}
          />
        )}
      </QueryState>
    </>
  );
}

function UserSections({ user, etag, onReload }) {
  const { username } = user;
  const { data: asking } = useQuery(sessionQuery);
  const { data: users } = useQuery(usersQuery);
  const tokens = useQuery(tokensQuery(username));
  const sessions = useQuery(sessionsQuery(username));
  const own = asking?.username === username;
  const last = lastAdmin(users ?? []) === username;
  return (
    <>
      <FromFile kind="user" origin={user.origin} file={user.file} />
      {!user.file && (
        <Section title="Role and sign-in">
          <UserRoleForm user={user} etag={etag} own={own} last={last} onReload={onReload} />
        </Section>
      )}
      {user.file ? null : own ? (
        <Section title="Password" note="Your own password is changed with the present one.">
          <p>
            <Link to="/account">Go to “Your access”</Link>
          </p>
        </Section>
      ) : (
        <Section
          title="Password"
          note="For somebody who has forgotten theirs. Their sessions end, their tokens stay."
        >
          <UserPasswordForm user={user} etag={etag} onReload={onReload} />
        </Section>
      )}
      <Section title="Sessions" note="Where this user is signed in.">
        <QueryState query={sessions} what="the sessions" least="admin" rows={2}>
          {(items) => <SessionsTable sessions={items} owner={username} />}
        </QueryState>
      </Section>
      <Section title="API tokens" note="What scripts call the API with in this user’s name.">
        <QueryState query={tokens} what="the tokens" least="admin" rows={2}>
          {(items) => <TokensTable tokens={items} owner={username} />}
        </QueryState>
      </Section>
      {!user.file && (
        <Removal
          username={username}
          own={own}
          last={last}
          sessions={sessions.data}
          tokens={tokens.data}
        />
      )}
    </>
  );
}

function Removal({ username, own, last, sessions, tokens }) {
  const remove = useRemoveUser(username);
  const { dialog } = useSearch({ from: '/app/settings/users/$username' });
  const navigate = useNavigate({ from: '/settings/users/$username' });
  const show = (next) => navigate({ search: { dialog: next }, replace: true, resetScroll: false });
  return (
    <Section
      title="Removal"
      note={
        last
          ? 'The last administrator who can sign in cannot be removed.'
          : 'The user goes, with sessions and tokens. What they did stays in the audit log.'
      }
    >
      {!last && (
        <div>
          <Button variant="default" aria-haspopup="dialog" onClick={() => show('remove')}>
            Remove the user…
          </Button>
        </div>
      )}
      {dialog === 'remove' && !last && (
        <Suspense fallback={null}>
          <RemoveModal
            kind="user"
            name={username}
            remove={remove}
            onRemoved={() => navigate({ to: '/settings/users' })}
            onClose={() => show(undefined)}
          >
            <p>
              {sessions && tokens
                ? `With ${formatAmount(sessions.length, 'session')} and ${formatAmount(tokens.length, 'API token')}: scripts that use these are refused from then on.`
                : 'With all sessions and API tokens: scripts that use these are refused from then on.'}
            </p>
            {own && (
              <p>
                <strong>This is you:</strong> you are signed out at once.
              </p>
            )}
          </RemoveModal>
        </Suspense>
      )}
    </Section>
  );
}
