import { formatAmount } from '../lib/format.js';
import { IconAlertTriangleFilled } from './icons.js';
import classes from './RejectedMark.module.css';

/** That a run warned of something, as icon, number and word; what of stands in the tooltip. */
export function WarningMark({ warnings }) {
  if (!(warnings?.length > 0)) return null;
  const texts = warnings.map(({ job, message }) => `${job}: ${message}`);
  return (
    <span className={classes.mark} data-warnings={warnings.length} title={texts.join('\n')}>
      <IconAlertTriangleFilled size={13} aria-hidden="true" />
      <span>{formatAmount(warnings.length, 'warning')}</span>
    </span>
  );
}
