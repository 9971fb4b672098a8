import { Loading } from './Loading.jsx';
import { ErrorPanel, NoRight } from './notices.jsx';

/**
 * What stands in place of a query's content while it has none: loading, not allowed, or the error.
 * Once there is data it stays on the page, whatever a later refresh does; the header's chip and
 * banner tell about that. `least` is the least role that may see it.
 */
export function QueryState({ query, what, least, rows, height, shape, children }) {
  if (query.data !== undefined) return children(query.data);
  if (query.isPending) return <Loading what={what} rows={rows} height={height} shape={shape} />;
  if (query.error.status === 403) return <NoRight what={what} least={least} />;
  return <ErrorPanel error={query.error} onRetry={() => query.refetch()} />;
}
