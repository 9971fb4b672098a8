import {
  formatAbsolute,
  formatClock,
  formatDuration,
  formatRelative,
  NOTHING,
  toInstant,
} from '../lib/format.js';
import { useNow } from '../lib/now.js';
import { useZone } from '../lib/zone.js';

/**
 * A time, the one way times are shown: `relative` (with the absolute form as its tooltip),
 * `absolute`, or `clock` for log lines. The zone is always told.
 */
export function Time({ value, format = 'relative', empty = NOTHING }) {
  const zone = useZone();
  if (toInstant(value) === null) return <span className="muted">{empty}</span>;
  if (format === 'relative') return <RelativeTime value={value} zone={zone} />;
  const absolute = formatAbsolute(value, zone);
  return (
    <time className="numeric" dateTime={value} title={absolute}>
      {format === 'clock' ? formatClock(value, zone) : absolute}
    </time>
  );
}

function RelativeTime({ value, zone }) {
  const text = useNow((now) => formatRelative(value, now, zone));
  return (
    <time className="numeric" dateTime={value} title={formatAbsolute(value, zone)}>
      {text}
    </time>
  );
}

/** How long something took, or has taken so far when it has begun and is not over. */
export function Duration({ startedAt, durationMs, running = false }) {
  if (running && startedAt) return <Elapsed startedAt={startedAt} />;
  return <span className="numeric">{formatDuration(durationMs)}</span>;
}

function Elapsed({ startedAt }) {
  const text = useNow((now) => {
    const seconds = Math.max(0, Math.floor((now - toInstant(startedAt)) / 1000));
    return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
  });
  return <span className="numeric">{text}</span>;
}
