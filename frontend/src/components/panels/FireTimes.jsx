import { formatLocalTime } from '../../lib/format.js';
import { clockNote } from '../../lib/schedule.js';
import { useZone } from '../../lib/zone.js';
import { IconAlertTriangleFilled, IconInfoCircle } from '../../ui/icons.js';
import { toneClass } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './FireTimes.module.css';

/** The times of a schedule in its own zone, and in the reader's where that is another, with what changes of the clock do to them. */
export function FireTimes({ times, timezone, label }) {
  const elsewhere = useZone() !== timezone;
  return (
    <ol className={classes.times} aria-label={label}>
      {times.map((time) => (
        <li key={time.at} className={classes.time}>
          <span className={classes.local}>{formatLocalTime(time.local_time)}</span>
          <span className={classes.offset}>UTC{time.offset}</span>
          <span className={classes.until}>
            <Time value={time.at} format={elsewhere ? 'absolute' : 'relative'} />
          </span>
          <ClockNote dst={time.dst} />
        </li>
      ))}
    </ol>
  );
}

function ClockNote({ dst }) {
  if (!dst) return null;
  const { text, moves } = clockNote(dst);
  const Icon = moves ? IconAlertTriangleFilled : IconInfoCircle;
  return (
    <span className={`${classes.note} ${toneClass(moves ? 'warning' : 'queued')}`}>
      <Icon size={14} aria-hidden="true" />
      {text}
    </span>
  );
}
