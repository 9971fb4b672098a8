import { Button } from '@mantine/core';
import { ErrorPanel } from '../../ui/notices.jsx';
import classes from './table.module.css';

/**
 * Below a list that comes in pages: how much is shown, and the next page. `inline` where it stands
 * in a line with something else.
 */
export function LoadMore({ query, shown, label = 'Load more', inline = false }) {
  if (query.isFetchNextPageError) {
    return <ErrorPanel error={query.error} onRetry={() => query.fetchNextPage()} />;
  }
  if (!query.hasNextPage) return null;
  return (
    <div className={`${classes.more} ${inline ? '' : classes.below}`}>
      <Button
        variant="default"
        size="xs"
        loading={query.isFetchingNextPage}
        onClick={() => query.fetchNextPage()}
      >
        {label}
      </Button>
      <span>{shown}</span>
    </div>
  );
}
