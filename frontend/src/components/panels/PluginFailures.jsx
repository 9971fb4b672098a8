import { checkCommand, pluginName } from '../../lib/plugins.js';
import { asSentence } from '../../lib/runs.js';
import { formatAmount } from '../../lib/format.js';
import { CopyButton } from '../../ui/CopyButton.jsx';
import { Notice } from '../../ui/notices.jsx';
import classes from './PluginFailures.module.css';

/** Which plugins cannot be used, why, and what to do; pipelines that want one do not run. */
export function PluginFailures({ plugins }) {
  const failed = plugins.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return null;
  return (
    <Notice
      tone="failed"
      title={`${formatAmount(failed.length, 'plugin')} cannot be used: pipelines that need ${failed.length === 1 ? 'it' : 'them'} do not run`}
    >
      <ul className={classes.list}>
        {failed.map((plugin) => (
          <li key={`${plugin.file} ${plugin.id}`} className={classes.item}>
            <strong>{pluginName(plugin)}</strong>
            <span className={classes.text}>
              {asSentence(plugin.error ?? 'No reason was given')}
            </span>
            {plugin.hint && <span className={classes.text}>{plugin.hint}</span>}
            <span className={classes.command}>
              <code>{checkCommand(plugin.file)}</code>
              <CopyButton
                value={checkCommand(plugin.file)}
                label={`Copy the command that checks ${pluginName(plugin)}`}
              />
            </span>
          </li>
        ))}
      </ul>
      <p className="muted">
        The command, on the host, says more. Mend the file or take it out of the folder, then start
        the host again: plugins are read at its start.
      </p>
    </Notice>
  );
}
