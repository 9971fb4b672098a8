import { Link } from '@tanstack/react-router';
import { alertWord } from '../../lib/channels.js';
import { formatAmount, formatCount } from '../../lib/format.js';
import { asSentence } from '../../lib/runs.js';
import { useHeldBack } from '../../lib/useHeldBack.js';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import { LoadMore } from './LoadMore.jsx';
import { NewsLine } from './NewsLine.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** What was told to whom, newest first. What comes meanwhile is announced and not put in. */
export function AlertsTable({ query, alerts }) {
  const { visible, held, release } = useHeldBack(alerts, true);
  return (
    <>
      <NewsLine count={held} noun="new alert" onShow={release} />
      <TableFrame label="Delivery log">
        <thead>
          <tr>
            <th scope="col">Last time</th>
            <th scope="col">What</th>
            <th scope="col">Pipeline</th>
            <th scope="col" className={classes.right}>
              Times
            </th>
            <th scope="col">Told to</th>
          </tr>
        </thead>
        <tbody>
          {visible.map((alert) => (
            <AlertRow key={alert.id} alert={alert} />
          ))}
        </tbody>
      </TableFrame>
      <LoadMore
        query={query}
        label="Load older alerts"
        shown={`${formatCount(visible.length)} shown`}
      />
    </>
  );
}

function AlertRow({ alert }) {
  return (
    <tr>
      <td className={classes.wrap}>
        <Time value={alert.last_at} />
      </td>
      <td className={classes.wrap}>
        <What alert={alert} />
      </td>
      <td className={classes.wrap}>
        {alert.pipeline_id && (
          <Link
            to="/pipelines/$pipelineId"
            params={{ pipelineId: alert.pipeline_id }}
            search={{ run: alert.last_run_id ?? alert.run_id ?? undefined }}
            className={classes.plainLink}
          >
            {alert.pipeline_id}
          </Link>
        )}
      </td>
      <td className={`${classes.wrap} ${classes.right}`}>{formatCount(alert.count)}</td>
      <td className={classes.wrap}>
        <div className={classes.lines}>
          {alert.deliveries.map((delivery) => (
            <Delivery key={delivery.id} delivery={delivery} />
          ))}
        </div>
      </td>
    </tr>
  );
}

function What({ alert }) {
  return (
    <div className={classes.told}>
      <strong>{alertWord(alert.type)}</strong>
      <div className="muted">{asSentence(alert.summary)}</div>
    </div>
  );
}

function Delivery({ delivery }) {
  return (
    <div>
      <div className={classes.line}>
        <Status status={delivery.status} variant="plain" />
        <span>{delivery.channel}</span>
        {delivery.attempts > 1 && (
          <span className="muted">{formatAmount(delivery.attempts, 'attempt')}</span>
        )}
        {delivery.next_attempt_at && (
          <span className="muted">
            next <Time value={delivery.next_attempt_at} />
          </span>
        )}
      </div>
      {delivery.error && <div className="muted">{asSentence(delivery.error)}</div>}
    </div>
  );
}
