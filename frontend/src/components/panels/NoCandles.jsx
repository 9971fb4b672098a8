import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { EmptyState } from '../../ui/notices.jsx';
import classes from './NoCandles.module.css';

/** Why there is no chart of a table of price bars, or the choice that is left to the reader. */
export function NoCandles({ name, times, why }) {
  if (why) {
    return (
      <EmptyState title="No chart of this table">
        {why} A candle is drawn of one date or time and the numbers “open”, “high”, “low” and
        “close”.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="Which time do the bars follow?"
      action={
        <ul className={classes.times}>
          {times.map((time) => (
            <li key={time.name}>
              <Button
                component={Link}
                to="/datasets/$name"
                params={{ name }}
                search={{ view: 'chart', time: time.name }}
                variant="default"
                size="xs"
              >
                {time.name}
              </Button>
            </li>
          ))}
        </ul>
      }
    >
      This table has several columns of a date or time. A candle is drawn for each value of one.
    </EmptyState>
  );
}
