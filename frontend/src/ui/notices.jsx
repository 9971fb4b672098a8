import { Button } from '@mantine/core';
import { roleWord } from '../lib/access.js';
import { CopyButton } from './CopyButton.jsx';
import {
  IconAlertOctagonFilled,
  IconAlertTriangleFilled,
  IconBan,
  IconCircleCheckFilled,
  IconFilterOff,
  IconInbox,
  IconInfoCircle,
  IconLock,
  IconPlayerPauseFilled,
  IconPlayerSkipForward,
  IconRefresh,
} from './icons.js';
import classes from './notices.module.css';
import { toneClass } from './Status.jsx';

/** A place where things would stand: never used yet, and what to do about it. */
export function EmptyState({ title, children, action, icon: Icon = IconInbox }) {
  return (
    <div className={classes.state}>
      <Icon size={28} stroke={1.5} aria-hidden="true" className={classes.stateIcon} />
      <h2>{title}</h2>
      <p className={classes.stateText}>{children}</p>
      {action && <div className={classes.actions}>{action}</div>}
    </div>
  );
}

/** There are things, but the filter matches none of them. */
export function NoMatch({ title, onClear }) {
  return (
    <EmptyState
      title={title}
      icon={IconFilterOff}
      action={
        <Button variant="default" size="sm" onClick={onClear}>
          Clear the filter
        </Button>
      }
    >
      Change the filter, or clear it to see everything.
    </EmptyState>
  );
}

/** The role of the signed-in user does not allow to see this; `least` would. */
export function NoRight({ what, least = 'data_scientist' }) {
  return (
    <EmptyState title={`Your role does not show ${what}`} icon={IconLock}>
      Ask an administrator for the role “{roleWord(least).toLowerCase()}”, which may read them.
    </EmptyState>
  );
}

const TONES = {
  succeeded: { icon: IconCircleCheckFilled, colour: 'succeeded' },
  failed: { icon: IconAlertOctagonFilled, colour: 'failed' },
  warning: { icon: IconAlertTriangleFilled, colour: 'warning' },
  running: { icon: IconInfoCircle, colour: 'running' },
  cancelled: { icon: IconBan, colour: 'queued' },
  skipped: { icon: IconPlayerSkipForward, colour: 'queued' },
  paused: { icon: IconPlayerPauseFilled, colour: 'paused' },
};

/** A framed message in the flow of the page. `role` alert for what appears by itself. */
export function Notice({ tone = 'running', title, children, role }) {
  const { icon: Icon, colour } = TONES[tone];
  return (
    <div className={`${classes.panel} ${toneClass(colour)}`} role={role}>
      <Icon size={16} aria-hidden="true" />
      <div className={classes.panelBody}>
        {title && <p className={classes.panelTitle}>{title}</p>}
        {children}
      </div>
    </div>
  );
}

/**
 * A failed request: what happened, why, what to do, and the id that finds it in the host's log.
 * `children` stands between the explanation and the id, for links that help.
 */
export function ErrorPanel({ error, onRetry, tone = 'failed', children }) {
  return (
    <Notice tone={tone} title={error.title ?? 'Something went wrong'} role="alert">
      {error.detail && <p>{error.detail}</p>}
      {error.errors?.length > 0 && (
        <ul className={classes.fields}>
          {error.errors.map((field) => (
            <li key={`${field.pointer} ${field.detail}`}>
              <code>{field.pointer}</code> {field.detail}
            </li>
          ))}
        </ul>
      )}
      {error.hint && <p className="muted">{error.hint}</p>}
      {error.retryAfterSeconds > 0 && (
        <p className="muted">The host asks to wait {error.retryAfterSeconds} s.</p>
      )}
      {children}
      {error.requestId && (
        <div className={classes.meta}>
          Request <code>{error.requestId}</code>
          <CopyButton value={error.requestId} label="Copy the request id" />
        </div>
      )}
      {onRetry && (
        <div className={classes.actions}>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconRefresh size={14} aria-hidden="true" />}
            onClick={onRetry}
          >
            Try again
          </Button>
        </div>
      )}
    </Notice>
  );
}
