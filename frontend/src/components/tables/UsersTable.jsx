import { roleWord } from '../../lib/access.js';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import { NameLink } from './NameLink.jsx';
import { TableFrame } from './TableFrame.jsx';

/** Who may sign in, each a link to what can be changed. `own` is who is asking. */
export function UsersTable({ users, own, last }) {
  return (
    <TableFrame label="Users">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Role</th>
          <th scope="col">State</th>
          <th scope="col">Added</th>
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <tr key={user.username}>
            <td>
              <NameLink
                name={user.username}
                to="/settings/users/$username"
                params={{ username: user.username }}
              />
              {user.file && <span className="muted"> · from a file</span>}
              {user.username === own && <span className="muted"> · you</span>}
            </td>
            <td>
              {roleWord(user.role)}
              {user.username === last && <span className="muted"> · the last one</span>}
            </td>
            <td>
              <Status status={user.disabled ? 'disabled' : 'enabled'} variant="plain" />
            </td>
            <td>
              <Time value={user.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}
