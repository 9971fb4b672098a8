import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { sessionQuery } from '../../api/queries.js';
import { usersQuery } from '../../api/users.js';
import { SearchField } from '../../components/forms/SearchField.jsx';
import { ForRole } from '../../components/panels/ForRole.jsx';
import { UsersTable } from '../../components/tables/UsersTable.jsx';
import { lastAdmin, mayAs, roleWord } from '../../lib/access.js';
import { formatAmount } from '../../lib/format.js';
import { IconPlus } from '../../ui/icons.js';
import { NoMatch, Notice } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import classes from './settings.module.css';

const AddUserModal = lazy(() =>
  import('../../components/modals/AddUserModal.jsx').then((module) => ({
    default: module.AddUserModal,
  })),
);

/** Who may sign in. */
export function Users() {
  const { data: user } = useQuery(sessionQuery);
  const { dialog } = useSearch({ from: '/app/settings/users' });
  const navigate = useNavigate({ from: '/settings/users' });
  const [added, setAdded] = useState(null);
  const may = mayAs(user?.role, 'admin');
  const show = (next) =>
    navigate({
      search: (old) => ({ ...old, dialog: next }),
      replace: true,
      resetScroll: false,
    });
  return (
    <>
      <PageHead
        title="Users"
        facts="Who may sign in, and what each may do."
        actions={
          may && (
            <Button
              leftSection={<IconPlus size={16} aria-hidden="true" />}
              aria-haspopup="dialog"
              onClick={() => show('add')}
            >
              Add a user
            </Button>
          )
        }
      />
      <ForRole least="admin" what="the users">
        {added && (
          <div className={classes.notice}>
            <Notice role="status" title={`${added.username} is added`}>
              <p>
                As {roleWord(added.role).toLowerCase()}, with the password that you gave: it is not
                shown again.
              </p>
            </Notice>
          </div>
        )}
        <UserList own={user?.username} />
        {dialog === 'add' && (
          <Suspense fallback={null}>
            <AddUserModal
              onClose={() => show(undefined)}
              onAdded={(made) => {
                setAdded(made);
                show(undefined);
              }}
            />
          </Suspense>
        )}
      </ForRole>
    </>
  );
}

function UserList({ own }) {
  const query = useQuery(usersQuery);
  const search = useSearch({ from: '/app/settings/users' });
  const navigate = useNavigate({ from: '/settings/users' });
  const setQuery = (q) =>
    navigate({ search: (old) => ({ ...old, q }), replace: true, resetScroll: false });
  return (
    <QueryState query={query} what="the users" least="admin" rows={4}>
      {(users) => {
        const wanted = (search.q ?? '').toLowerCase();
        const shown = users.filter(({ username }) => username.includes(wanted));
        return (
          <>
            <div className={classes.toolbar}>
              <SearchField
                label="Find a user"
                value={search.q}
                onChange={setQuery}
                className={classes.search}
              />
              <span className="muted numeric" role="status">
                {shown.length === users.length
                  ? formatAmount(users.length, 'user')
                  : `${shown.length} of ${formatAmount(users.length, 'user')}`}
              </span>
            </div>
            {shown.length === 0 ? (
              <NoMatch title="No user matches" onClear={() => setQuery(undefined)} />
            ) : (
              <UsersTable users={shown} own={own} last={lastAdmin(users)} />
            )}
          </>
        );
      }}
    </QueryState>
  );
}
