import { requiredParams, runCommand } from '../../lib/params.js';
import { CopyButton } from '../../ui/CopyButton.jsx';
import { Notice } from '../../ui/notices.jsx';
import classes from './ParamsNeeded.module.css';

/** Says why “Run now” is not offered: a run needs values that only a person can give. */
export function ParamsNeeded({ pipeline }) {
  const names = requiredParams(pipeline.params_schema);
  if (names.length === 0 || pipeline.errors?.length > 0) return null;
  const command = runCommand(pipeline.id, names);
  return (
    <Notice tone="running" title="“Run now” is not offered here">
      <p>
        A run of this pipeline needs {names.length === 1 ? 'the parameter ' : 'the parameters '}
        {names.map((name, index) => (
          <span key={name}>
            {index > 0 && ', '}
            <code>{name}</code>
          </span>
        ))}
        . Start it on the host, with values in place of the dots:
      </p>
      <p className={classes.command}>
        <code>{command}</code>
        <CopyButton value={command} label="Copy the command" />
      </p>
    </Notice>
  );
}
