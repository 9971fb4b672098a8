import { countByState } from '../../lib/runs.js';
import { describeState, PIPELINE_STATES } from '../../lib/status.js';
import { StatusIcon } from '../../ui/Status.jsx';
import classes from './StateFilter.module.css';

/** The states that occur, with how often; pressing one shows only those. */
export function StateFilter({ items, value, onChange }) {
  const counts = countByState(items, PIPELINE_STATES);
  if (counts.length < 2 && !value) return null;
  return (
    <div className={classes.filter} role="group" aria-label="Filter by state">
      {counts.map(([status, count]) => (
        <button
          key={status}
          type="button"
          className={classes.option}
          aria-pressed={status === value}
          onClick={() => onChange(status === value ? undefined : status)}
        >
          <StatusIcon status={status} size={14} />
          {describeState(status).word}
          <span className={classes.count}>{count}</span>
        </button>
      ))}
    </div>
  );
}
