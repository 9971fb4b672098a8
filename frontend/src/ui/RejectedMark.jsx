import { formatCompactCount, formatCount } from '../lib/format.js';
import { IconAlertTriangleFilled } from './icons.js';
import classes from './RejectedMark.module.css';

/**
 * That rows were rejected, as icon, number and word, beside a state that may well be “Succeeded”.
 * Nothing where none were. `short` leaves the word to screen readers, where there is no room.
 */
export function RejectedMark({ count, short = false }) {
  if (!(Number(count) > 0)) return null;
  return (
    <span className={classes.mark} data-rejected={count} title={`${formatCount(count)} rejected`}>
      <IconAlertTriangleFilled size={13} aria-hidden="true" />
      <span>
        {formatCompactCount(count)}{' '}
        {short ? <span className="visually-hidden">rejected</span> : 'rejected'}
      </span>
    </span>
  );
}
