import { Skeleton } from '@mantine/core';
import { useTimeout } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import classes from './Loading.module.css';

const SHOW_AFTER_MS = 150;
const SLOW_AFTER_MS = 8000;

/** Nothing at first, then grey bars in the shape of what comes, then a word that it takes long. */
export function Loading({ what, rows = 4, height = 36, shape = 'rows' }) {
  const [stage, setStage] = useState('quiet');
  const show = useTimeout(() => setStage('bars'), SHOW_AFTER_MS);
  const slow = useTimeout(() => setStage('slow'), SLOW_AFTER_MS);
  useEffect(() => {
    show.start();
    slow.start();
    // The two timers keep their identity for the life of the component.
    // oxlint-disable-next-line react/exhaustive-deps
  }, []);
  return (
    <div role="status" aria-busy="true">
      <span className="visually-hidden">Loading {what}</span>
      <div
        className={classes[shape]}
        style={{ minHeight: shape === 'rows' ? rows * height : height }}
      >
        {stage !== 'quiet' &&
          Array.from({ length: rows }, (_, index) => (
            // The bars have no identity but their place.
            // oxlint-disable-next-line react/no-array-index-key
            <Skeleton key={index} height={height} radius={8} />
          ))}
      </div>
      {stage === 'slow' && (
        <p className="muted">Still loading {what}. The host is slow to answer.</p>
      )}
    </div>
  );
}
