import { Button } from '@mantine/core';
import { useState } from 'react';
import { formatAmount } from '../../lib/format.js';
import { Notice } from '../../ui/notices.jsx';
import { JobLink } from '../JobLink.jsx';
import classes from './RunWarnings.module.css';

/** So many stand there at once; the rest comes on a press. */
const SHOWN = 4;

/**
 * What a run, or one job of it, warned of although it went on: `warnings` of `{job, message}`. Without
 * a job (its own panel says which) the message stands alone.
 */
export function RunWarnings({ warnings }) {
  const [all, setAll] = useState(false);
  if (!(warnings?.length > 0)) return null;
  const shown = all ? warnings : warnings.slice(0, SHOWN);
  return (
    <Notice tone="warning" title={formatAmount(warnings.length, 'warning')}>
      <ul className={classes.list}>
        {shown.map(({ job, message }, index) => (
          // eslint-disable-next-line react/no-array-index-key -- they never change their places
          <li key={index}>
            {job && <JobLink job={job}>{job}</JobLink>}
            <span className={classes.text}>{message}</span>
          </li>
        ))}
      </ul>
      {shown.length < warnings.length && (
        <p>
          <Button variant="default" size="compact-xs" onClick={() => setAll(true)}>
            Show all {warnings.length}
          </Button>
        </p>
      )}
    </Notice>
  );
}
