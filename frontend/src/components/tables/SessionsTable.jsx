import { Button } from '@mantine/core';
import { useEndOtherSessions, useEndSession } from '../../api/access.js';
import { browserWord } from '../../lib/access.js';
import { ErrorPanel } from '../../ui/notices.jsx';
import { Time } from '../../ui/Time.jsx';
import { EndButton } from '../buttons/EndButton.jsx';
import { TableFrame } from './TableFrame.jsx';
import classes from './table.module.css';

/** Where one, or `owner`, is signed in; the session of this page is ended by signing out. */
export function SessionsTable({ sessions, owner }) {
  const end = useEndSession();
  const endOthers = useEndOtherSessions();
  const error = end.error ?? endOthers.error;
  if (owner && sessions.length === 0) return <p className="muted">Not signed in anywhere.</p>;
  return (
    <>
      {error && <ErrorPanel error={error} />}
      <TableFrame label={owner ? `Sessions of ${owner}` : 'Your sessions'}>
        <thead>
          <tr>
            <th scope="col">Where</th>
            <th scope="col">Address</th>
            <th scope="col">Signed in</th>
            <th scope="col">Last used</th>
            <th scope="col">Ends</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <tr key={session.id}>
              <td title={session.user_agent ?? undefined}>{browserWord(session.user_agent)}</td>
              <td className="numeric">{session.source_ip}</td>
              <td>
                <Time value={session.created_at} />
              </td>
              <td>
                <Time value={session.last_seen_at} />
              </td>
              <td>
                <Time value={session.expires_at} />
              </td>
              <td>
                {session.current ? (
                  'this one'
                ) : (
                  <EndButton
                    what={`the session from ${session.source_ip}`}
                    loading={end.isPending && end.variables === session.id}
                    onEnd={() => end.mutate(session.id)}
                  />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
      {!owner && sessions.some(({ current }) => !current) && (
        <div className={`${classes.more} ${classes.below}`}>
          <Button
            variant="default"
            size="xs"
            loading={endOthers.isPending}
            onClick={() => endOthers.mutate()}
          >
            End all others
          </Button>
        </div>
      )}
    </>
  );
}
