import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.js';
import { mayAs } from '../../lib/access.js';
import { NoRight } from '../../ui/notices.jsx';

/**
 * What only the role `least` and those above may see. Whoever may not is told so without asking the
 * host for what it would refuse.
 */
export function ForRole({ least, what, children }) {
  const { data: user } = useQuery(sessionQuery);
  if (!mayAs(user?.role, least)) return <NoRight what={what} least={least} />;
  return children;
}
