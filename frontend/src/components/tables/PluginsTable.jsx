import { fileName, pluginKindWord, pluginName } from '../../lib/plugins.js';
import { Status } from '../../ui/Status.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** Each plugin with where it comes from and whether it can be used. */
export function PluginsTable({ plugins }) {
  return (
    <TableFrame label="All plugins">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Kind</th>
          <th scope="col">Version</th>
          <th scope="col">ABI</th>
          <th scope="col">File</th>
        </tr>
      </thead>
      <tbody>
        {plugins.map((plugin) => (
          <tr key={`${plugin.file} ${plugin.id}`}>
            <td className={classes.wrap}>
              <What plugin={plugin} />
            </td>
            <td className={classes.wrap}>
              <Status status={plugin.status === 'ready' ? 'ready' : 'notloaded'} variant="plain" />
            </td>
            <td className={classes.wrap}>{pluginKindWord(plugin.kind)}</td>
            <td className={`${classes.wrap} numeric`}>{plugin.version ?? '–'}</td>
            <td className={`${classes.wrap} numeric`}>
              {plugin.status === 'ready' ? plugin.abi_major : '–'}
            </td>
            <td className={classes.wrap}>
              <File plugin={plugin} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function What({ plugin }) {
  return (
    <div className={classes.told}>
      <strong>{pluginName(plugin)}</strong>{' '}
      {plugin.id && plugin.name && <code className="muted">{plugin.id}</code>}
      {plugin.summary && <div className="muted">{plugin.summary}</div>}
    </div>
  );
}

function File({ plugin }) {
  return (
    <div className={classes.file} title={plugin.file}>
      <code>{fileName(plugin.file)}</code>
      <div className="muted">{plugin.bundled ? 'ships with Headgate' : 'of your own'}</div>
    </div>
  );
}
