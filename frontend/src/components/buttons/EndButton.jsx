import { Button } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import classes from './RunActions.module.css';

const takeFocus = (element) => element?.focus();

/** Ends a thing for good: asks once more in its place. `what` names the thing for who cannot see it. */
export function EndButton({ what, onEnd, loading }) {
  const [asking, setAsking] = useState(false);
  const [kept, setKept] = useState(false);
  if (asking) {
    const keep = () => {
      setAsking(false);
      setKept(true);
    };
    return <Question what={what} onEnd={onEnd} loading={loading} onKeep={keep} />;
  }
  return (
    <Button
      // Whoever kept it stands where the question was asked.
      ref={kept ? takeFocus : undefined}
      variant="default"
      size="compact-xs"
      aria-label={`End ${what}`}
      onClick={() => setAsking(true)}
    >
      End
    </Button>
  );
}

/** Takes the focus from the button that it stands for. */
function Question({ what, onEnd, onKeep, loading }) {
  const keep = useRef(null);
  useEffect(() => keep.current.focus(), []);
  return (
    <div className={classes.actions}>
      <Button
        variant="default"
        size="compact-xs"
        loading={loading}
        aria-label={`End ${what} for good`}
        onClick={onEnd}
      >
        End for good
      </Button>
      <Button ref={keep} variant="default" size="compact-xs" onClick={onKeep}>
        Keep
      </Button>
    </div>
  );
}
