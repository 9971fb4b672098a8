import { useInfiniteQuery } from '@tanstack/react-query';
import { Fragment, useLayoutEffect, useRef } from 'react';
import { jobLogQuery } from '../../api/queries.js';
import { zoneName, formatAmount } from '../../lib/format.js';
import { useZone } from '../../lib/zone.js';
import { QueryState } from '../../ui/QueryState.jsx';
import { Time } from '../../ui/Time.jsx';
import { LoadMore } from '../tables/LoadMore.jsx';
import classes from './JobLog.module.css';

const LEVELS = {
  warn: classes.warning,
  warning: classes.warning,
  error: classes.error,
  fatal: classes.error,
};
const BOTTOM_SLACK_PX = 24;

/** What a job said. Follows the end while the job runs, until the reader scrolls away from it. */
export function JobLog({ runId, jobId, active }) {
  const query = useInfiniteQuery(jobLogQuery(runId, jobId, active));
  const zone = useZone();
  return (
    <div>
      <div className={classes.head}>
        <h3>Log</h3>
        <span className="muted">times in {zoneName(zone)}</span>
      </div>
      <QueryState query={query} what="the log" rows={3} height={20}>
        {({ pages }) => {
          const lines = pages.flatMap((page) => page.items);
          return (
            <>
              <Lines lines={lines} active={active} />
              <LoadMore
                query={query}
                label="Load more lines"
                shown={`${formatAmount(lines.length, 'line')} shown`}
              />
            </>
          );
        }}
      </QueryState>
    </div>
  );
}

/** Attempts are told apart once there is more than the first. */
function beginsAttempt(lines, index) {
  const { attempt } = lines[index];
  return lines.at(-1).attempt > 1 && attempt !== lines[index - 1]?.attempt;
}

function Lines({ lines, active }) {
  const scroller = useRef(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (active && atEnd.current && scroller.current) {
      scroller.current.scrollTop = scroller.current.scrollHeight;
    }
  });
  if (lines.length === 0) {
    return <p className="muted">{active ? 'Nothing said yet.' : 'The job said nothing.'}</p>;
  }
  return (
    <div
      ref={scroller}
      className={classes.scroller}
      role="log"
      aria-label="Job log"
      aria-live="off"
      // A scrolling region must be reachable by keyboard.
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      onScroll={({ currentTarget: box }) => {
        atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < BOTTOM_SLACK_PX;
      }}
    >
      {lines.map((line, index) => (
        // Lines have no id, and are only ever added at the end.
        // oxlint-disable-next-line react/no-array-index-key
        <Fragment key={index}>
          {beginsAttempt(lines, index) && (
            <h4 className={classes.attempt}>Attempt {line.attempt}</h4>
          )}
          <div className={`${classes.line} ${LEVELS[line.level] ?? ''}`}>
            <Time value={line.at} format="clock" />
            <span className={classes.level}>{line.level}</span>
            <span className={classes.message}>{line.message}</span>
          </div>
        </Fragment>
      ))}
    </div>
  );
}
