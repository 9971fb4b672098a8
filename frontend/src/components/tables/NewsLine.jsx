import { Button } from '@mantine/core';
import { formatAmount } from '../../lib/format.js';
import classes from './table.module.css';

/** That things have come above the reader, who lets them in. */
export function NewsLine({ count, noun, nouns = `${noun}s`, onShow }) {
  return (
    <div role="status">
      {count > 0 && (
        <div className={classes.news}>
          {formatAmount(count, noun, nouns)}
          <Button variant="default" size="compact-xs" onClick={onShow}>
            Show
          </Button>
        </div>
      )}
    </div>
  );
}
