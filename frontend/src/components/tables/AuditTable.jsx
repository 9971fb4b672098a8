import { Link } from '@tanstack/react-router';
import { actionWord, actorWay, objectLink } from '../../lib/audit.js';
import { formatCount } from '../../lib/format.js';
import { useHeldBack } from '../../lib/useHeldBack.js';
import { CopyButton } from '../../ui/CopyButton.jsx';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import { LoadMore } from './LoadMore.jsx';
import { NewsLine } from './NewsLine.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** Who changed what, newest first. What comes meanwhile is announced and not put in. */
export function AuditTable({ query, entries }) {
  const { visible, held, release } = useHeldBack(entries, true);
  return (
    <>
      <NewsLine count={held} noun="new entry" nouns="new entries" onShow={release} />
      <TableFrame label="Audit log">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Of what</th>
            <th scope="col">Changed</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {visible.map((entry) => (
            <EntryRow key={entry.id} entry={entry} />
          ))}
        </tbody>
      </TableFrame>
      <LoadMore
        query={query}
        label="Load older entries"
        shown={`${formatCount(visible.length)} shown`}
      />
    </>
  );
}

function EntryRow({ entry }) {
  return (
    <tr>
      <td>
        <Time value={entry.at} format="absolute" />
      </td>
      <td>
        <Actor entry={entry} />
      </td>
      <td>
        <Deed entry={entry} />
      </td>
      <td>
        <Thing entry={entry} />
      </td>
      <td>{entry.fields.length > 0 && <code>{entry.fields.join(', ')}</code>}</td>
      <td>
        <Origin entry={entry} />
      </td>
    </tr>
  );
}

/** Pressing a name leaves only what that one did. */
function Actor({ entry }) {
  const way = actorWay(entry);
  if (!entry.actor) return <span className="muted">not signed in</span>;
  return (
    <>
      <Link
        from="/settings/audit"
        to="/settings/audit"
        search={(old) => ({ ...old, actor: entry.actor })}
        className={`${classes.plainLink} ${classes.nameCut}`}
        aria-current={undefined}
        title={`Only what ${entry.actor} did`}
      >
        <span className="truncate">{entry.actor}</span>
      </Link>
      {way && <span className="muted"> · {way}</span>}
    </>
  );
}

function Deed({ entry }) {
  return (
    <div className={classes.line} title={entry.action}>
      {actionWord(entry)}
      {entry.outcome === 'denied' && <Status status="denied" variant="plain" />}
    </div>
  );
}

function Origin({ entry }) {
  return (
    <span className={`${classes.state} numeric`}>
      {entry.source_ip}
      {entry.request_id && (
        <CopyButton value={entry.request_id} label={`Copy the request id ${entry.request_id}`} />
      )}
    </span>
  );
}

function Thing({ entry }) {
  const link = objectLink(entry);
  const text = (
    <span className={`${classes.thing} truncate`} title={entry.object ?? undefined}>
      {entry.object}
    </span>
  );
  if (!link) return text;
  return (
    <Link {...link} className={classes.plainLink}>
      {text}
    </Link>
  );
}
