import { ActionIcon, Button } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Fragment, memo, useDeferredValue, useLayoutEffect, useMemo, useRef } from 'react';
import { jobLogQuery, wholeJobLog } from '../../api/queries.js';
import { formatAmount, formatCount, zoneName } from '../../lib/format.js';
import { saveFile } from '../../lib/handOver.js';
import { lineMatches, linesText, splitMatches } from '../../lib/joblog.js';
import { useZone } from '../../lib/zone.js';
import { CopyButton } from '../../ui/CopyButton.jsx';
import { IconArrowDown, IconDownload } from '../../ui/icons.js';
import { ErrorPanel } from '../../ui/notices.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { ScrollEdges } from '../../ui/ScrollEdges.jsx';
import { Time } from '../../ui/Time.jsx';
import { SearchField } from '../forms/SearchField.jsx';
import classes from './JobLog.module.css';

const LEVELS = {
  warn: classes.warning,
  warning: classes.warning,
  error: classes.error,
  fatal: classes.error,
};
const BOTTOM_SLACK_PX = 24;
/** A log of fewer lines is looked through by eye. */
const SEARCH_FROM = 10;
const NO_PAGES = [];

/**
 * What a job said, to be searched, copied and saved. Follows the end while the job runs, until the
 * reader scrolls away from it.
 */
export function JobLog({ runId, jobId, active }) {
  const { find } = useSearch({ from: '/app/pipelines/$pipelineId' });
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const query = useQuery(jobLogQuery(runId, jobId, active));
  const zone = useZone();
  const needle = useDeferredValue(find ?? '');
  const pages = query.data?.pages ?? NO_PAGES;
  const lines = useMemo(() => pages.flatMap((page) => page.items), [pages]);
  const matching = useMemo(
    () => (needle ? lines.filter((line) => lineMatches(line, needle)) : lines),
    [lines, needle],
  );
  const save = useMutation({
    mutationFn: async () => saveFile(`${jobId}-${runId}.log`, await wholeJobLog(runId, jobId)),
  });
  return (
    <div>
      <div className={classes.head}>
        <h3>Log</h3>
        <span className="muted">times in {zoneName(zone)}</span>
        {lines.length > 0 && (
          <span className={classes.tools}>
            <CopyButton
              value={() => linesText(matching)}
              label={needle ? 'Copy the lines found' : 'Copy the log'}
              size={24}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size={24}
              aria-label="Download the whole log"
              title="Download the whole log"
              loading={save.isPending}
              onClick={() => save.mutate()}
            >
              <IconDownload size={14} aria-hidden="true" />
            </ActionIcon>
          </span>
        )}
      </div>
      {save.isError && <ErrorPanel error={save.error} onRetry={() => save.mutate()} />}
      {(find || lines.length > SEARCH_FROM) && (
        <SearchField
          label="Find in the log"
          size="xs"
          value={find}
          onChange={(text) =>
            navigate({
              search: (old) => ({ ...old, find: text }),
              replace: true,
              resetScroll: false,
            })
          }
          className={classes.search}
        />
      )}
      <QueryState query={query} what="the log" rows={3} height={20}>
        {(log) => (
          <>
            <Lines
              blocks={needle ? [{ cursor: 'found', items: matching }] : log.pages}
              count={matching.length}
              needle={needle}
              active={active}
            />
            {lines.length > 0 && (
              <Foot query={query} log={log} lines={lines} matching={matching} needle={needle} />
            )}
          </>
        )}
      </QueryState>
    </div>
  );
}

/** How much is shown, what is left out at the start, and what follows. */
function Foot({ query, log, lines, matching, needle }) {
  const total = formatAmount(lines.length, 'line');
  return (
    <div className={classes.foot}>
      <span className="numeric" role="status">
        {needle ? `${formatCount(matching.length)} of ${total}` : total}
      </span>
      {log.dropped > 0 && (
        <span>
          The first {formatAmount(log.dropped, 'line')} are left out here; the download has them.
        </span>
      )}
      {log.more && (
        <Button
          variant="default"
          size="compact-xs"
          loading={query.isFetching}
          onClick={() => query.refetch()}
        >
          Load more lines
        </Button>
      )}
    </div>
  );
}

function Lines({ blocks, count, needle, active }) {
  const scroller = useRef(null);
  const atEnd = useRef(active);
  const toEnd = () => {
    scroller.current.scrollTop = scroller.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (active && atEnd.current && scroller.current) toEnd();
  });
  if (count === 0) return <p className="muted">{emptyText(needle, active)}</p>;
  const lastAttempt = blocks.findLast(({ items }) => items.length > 0).items.at(-1).attempt;
  return (
    <ScrollEdges>
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
        {blocks.map(({ cursor, items }, index) => (
          <Block
            key={cursor ?? 'first'}
            items={items}
            after={blocks[index - 1]?.items.at(-1)?.attempt}
            attempts={lastAttempt > 1}
            needle={needle}
            // The end is always laid out, so that it can be followed to the pixel.
            far={index < blocks.length - 2}
          />
        ))}
      </div>
      <Button
        className={classes.toEnd}
        variant="default"
        size="compact-xs"
        leftSection={<IconArrowDown size={13} aria-hidden="true" />}
        onClick={toEnd}
      >
        {active ? 'Follow the end' : 'To the end'}
      </Button>
    </ScrollEdges>
  );
}

function emptyText(needle, active) {
  if (needle) return `No line has “${needle}”.`;
  return active ? 'Nothing said yet.' : 'The job said nothing.';
}

/**
 * The lines of one page. A page that is full never changes again, and is not drawn again. Attempts
 * are told apart once there is more than the first.
 */
const Block = memo(function Block({ items, after, attempts, needle, far }) {
  return (
    <div className={far ? classes.far : undefined}>
      {items.map((line, index) => (
        // Lines have no id, and are only ever added at the end.
        // oxlint-disable-next-line react/no-array-index-key
        <Fragment key={index}>
          {attempts && line.attempt !== (index > 0 ? items[index - 1].attempt : after) && (
            <h4 className={classes.attempt}>Attempt {line.attempt}</h4>
          )}
          <div className={`${classes.line} ${LEVELS[line.level] ?? ''}`}>
            <Time value={line.at} format="clock" />
            <span className={classes.level}>{line.level}</span>
            <span className={classes.message}>
              <Marked text={line.message} needle={needle} />
            </span>
          </div>
        </Fragment>
      ))}
    </div>
  );
});

function Marked({ text, needle }) {
  if (!needle) return text;
  return splitMatches(text, needle).map((piece, index) =>
    // Pieces have no identity but their place.
    // oxlint-disable-next-line react/no-array-index-key
    index % 2 === 1 ? <mark key={index}>{piece}</mark> : piece,
  );
}
