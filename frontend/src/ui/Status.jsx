import { describeState } from '../lib/status.js';
import {
  IconAlertOctagonFilled,
  IconBan,
  IconCircle,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconFileAlert,
  IconHelpCircle,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipForward,
  IconReload,
} from './icons.js';
import classes from './Status.module.css';

const ICONS = {
  queued: IconCircleDashed,
  running: IconPlayerPlayFilled,
  retrying: IconReload,
  succeeded: IconCircleCheckFilled,
  failed: IconAlertOctagonFilled,
  cancelled: IconBan,
  skipped: IconPlayerSkipForward,
  paused: IconPlayerPauseFilled,
  idle: IconCircle,
  broken: IconFileAlert,
  enabled: IconCircleCheckFilled,
  disabled: IconBan,
  delivers: IconCircleCheckFilled,
  failing: IconAlertOctagonFilled,
  unproven: IconCircle,
  pending: IconCircleDashed,
  sent: IconCircleCheckFilled,
  suppressed: IconPlayerPauseFilled,
  ready: IconCircleCheckFilled,
  notloaded: IconAlertOctagonFilled,
  unavailable: IconAlertOctagonFilled,
  denied: IconBan,
  unknown: IconHelpCircle,
};

/** The class that sets `--tone` and `--tone-tint` to a state's colours. */
export function toneClass(tone) {
  return classes[tone];
}

export function StatusIcon({ status, size = 16 }) {
  const state = describeState(status);
  const Icon = ICONS[state.status];
  return (
    <Icon
      size={size}
      stroke={2}
      aria-hidden="true"
      className={`${classes.icon} ${toneClass(state.tone)}`}
    />
  );
}

/** A state as icon, word and colour: never colour alone. */
export function Status({ status, variant = 'chip' }) {
  const state = describeState(status);
  return (
    <span className={`${classes[variant]} ${toneClass(state.tone)}`} data-status={state.status}>
      <StatusIcon status={status} size={variant === 'chip' ? 14 : 16} />
      {state.word}
    </span>
  );
}
