import { channelPlace, channelState, kindWord } from '../../lib/channels.js';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import { NameLink } from './NameLink.jsx';
import classes from './table.module.css';
import { TableFrame } from './TableFrame.jsx';

/** Who is told, and whether it takes what it is sent. */
export function ChannelsTable({ channels }) {
  return (
    <TableFrame label="Alert channels">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Kind</th>
          <th scope="col">Goes to</th>
          <th scope="col">Last delivered</th>
        </tr>
      </thead>
      <tbody>
        {channels.map((channel) => (
          <tr key={channel.id}>
            <td>
              <NameLink
                name={channel.name}
                to="/settings/alerts/$channelId"
                params={{ channelId: channel.id }}
              />
              {channel.file && <span className="muted"> · from a file</span>}
            </td>
            <td>
              <Status status={channelState(channel)} variant="plain" />
            </td>
            <td>{kindWord(channel.kind)}</td>
            <td>
              <div className={`${classes.placeCut} truncate`} title={channelPlace(channel)}>
                {channelPlace(channel)}
              </div>
            </td>
            <td>
              <Time value={channel.last_sent_at} empty="never" />
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}
