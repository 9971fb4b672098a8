import { useEndToken } from '../../api/access.js';
import { roleWord } from '../../lib/access.js';
import { EmptyState, ErrorPanel } from '../../ui/notices.jsx';
import { Time } from '../../ui/Time.jsx';
import { EndButton } from '../buttons/EndButton.jsx';
import { TableFrame } from './TableFrame.jsx';

/** One's own API tokens, or those of `owner`, without what nobody can see again. */
export function TokensTable({ tokens, owner }) {
  const end = useEndToken();
  if (tokens.length === 0) {
    return owner ? (
      <p className="muted">No tokens.</p>
    ) : (
      <EmptyState title="No tokens yet">
        A token lets a script call the API as you, with the role you give it. Make one above.
      </EmptyState>
    );
  }
  return (
    <>
      {end.error && <ErrorPanel error={end.error} />}
      <TableFrame label={owner ? `API tokens of ${owner}` : 'Your API tokens'}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Begins with</th>
            <th scope="col">Role</th>
            <th scope="col">Made</th>
            <th scope="col">Last used</th>
            <th scope="col">Ends</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((token) => (
            <tr key={token.id}>
              <td>{token.name}</td>
              <td>
                <code>{token.hint}…</code>
              </td>
              <td>{roleWord(token.role)}</td>
              <td>
                <Time value={token.created_at} />
              </td>
              <td>
                <Time value={token.last_used_at} empty="never" />
              </td>
              <td>
                <Time value={token.expires_at} />
              </td>
              <td>
                <EndButton
                  what={`the token ${token.name}`}
                  loading={end.isPending && end.variables === token.id}
                  onEnd={() => end.mutate(token.id)}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </>
  );
}
