import { useEffect, useState } from 'react';
import { useConnection } from '../../api/connection.js';
import { useLiveState } from '../../api/live.js';
import { POLL_IDLE_MS } from '../../api/queries.js';
import { toneClass } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import { IconBroadcast, IconPlugConnectedX, IconRefresh } from '../../ui/icons.js';
import classes from './RefreshState.module.css';

const ASKS = `This page asks the host again every ${POLL_IDLE_MS / 1000} s, and every second while something runs.`;

/** How the page keeps itself current while the host answers. */
const WAYS = {
  live: {
    word: 'Live',
    Icon: IconBroadcast,
    title: 'The host tells this page what changes, as it changes.',
  },
  waiting: {
    word: 'Reconnecting',
    Icon: IconRefresh,
    title: `The connection for live updates is being made again. ${ASKS}`,
  },
  connecting: { word: 'Connecting', Icon: IconRefresh, title: ASKS },
  polling: {
    word: `Checks every ${POLL_IDLE_MS / 1000} s`,
    Icon: IconRefresh,
    title: `Live updates do not get through: a proxy in between may not pass WebSockets. ${ASKS}`,
  },
};

/** How the page keeps itself current, said plainly; or that the host does not answer. */
export function RefreshState() {
  const { answering } = useConnection();
  const { word, Icon, title } = WAYS[useLiveState()];
  if (answering) {
    return (
      <span className={classes.chip} role="status" title={title}>
        <Icon size={14} aria-hidden="true" />
        <span className={classes.word}>{word}</span>
      </span>
    );
  }
  return (
    <span className={`${classes.chip} ${classes.down} ${toneClass('warning')}`} role="status">
      <IconPlugConnectedX size={14} aria-hidden="true" />
      <span className={classes.word}>Disconnected · retrying</span>
    </span>
  );
}

const BANNER_AFTER_MS = 5000;

/** Says, once the silence has lasted a while, that the page shows what was true before it. */
export function ConnectionBanner() {
  const { answering, lastAnswerAt } = useConnection();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (answering) return undefined;
    const timer = setTimeout(() => setShown(true), BANNER_AFTER_MS);
    return () => {
      clearTimeout(timer);
      setShown(false);
    };
  }, [answering]);
  if (answering || !shown) return null;
  return (
    <div className={classes.banner} role="alert">
      <strong>Headgate does not answer.</strong>
      <span>
        {lastAnswerAt ? (
          <>
            What you see is from{' '}
            <Time value={new Date(lastAnswerAt).toISOString()} format="absolute" />.{' '}
          </>
        ) : null}
        The page keeps trying and goes on by itself once the host is back.
      </span>
    </div>
  );
}
