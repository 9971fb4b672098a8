import { Button, Checkbox } from '@mantine/core';
import { useRef, useState } from 'react';
import { useChangeChannel } from '../../api/alerts.js';
import { channelDrafts, channelErrors, channelGaps, channelPatch } from '../../lib/channels.js';
import '@mantine/core/styles/Checkbox.layer.css';
import '@mantine/core/styles/InlineInput.layer.css';
import classes from './AccessForms.module.css';
import { ChangeError } from './ChangeError.jsx';
import { ChannelFields } from './ChannelFields.jsx';

/** The settings of a channel. `onReload` reads it again and makes the form anew. */
export function ChannelForm({ channel, etag, onReload }) {
  const form = useRef(null);
  const change = useChangeChannel(channel.id);
  const [drafts, setDrafts] = useState(() => channelDrafts(channel));
  const [gaps, setGaps] = useState({});
  const patch = channelPatch(channel, drafts);
  const changed = Object.keys(patch).length > 0;
  const refused = channelErrors(change.error);

  function set(name, value) {
    setDrafts((old) => ({ ...old, [name]: value }));
    setGaps({});
    change.reset();
  }

  function submit(event) {
    event.preventDefault();
    const found = channelGaps(drafts, false);
    setGaps(found);
    const [first] = Object.keys(found);
    if (first) form.current.elements[first].focus();
    else if (changed)
      change.mutate(
        { patch, etag },
        // What was typed of the sealed is not kept in the page.
        { onSuccess: ({ body }) => setDrafts(channelDrafts(body)) },
      );
  }

  return (
    <form
      ref={form}
      className={classes.form}
      onSubmit={submit}
      noValidate
      aria-label="Settings of the channel"
    >
      <ChangeError error={change.error} fields={refused} what="this channel" onReload={onReload} />
      <ChannelFields
        channel={channel}
        drafts={drafts}
        errors={{ ...refused, ...gaps }}
        onChange={set}
      />
      <Checkbox
        name="enabled"
        label="Is told of failed runs"
        description="Without this nothing is sent; what waits for it ends as failed"
        checked={drafts.enabled}
        error={refused.enabled}
        onChange={(event) => set('enabled', event.currentTarget.checked)}
      />
      <div className={classes.row}>
        <Button type="submit" disabled={!changed} loading={change.isPending}>
          Save
        </Button>
        <span role="status" className="muted">
          {change.isSuccess && !changed && 'Saved.'}
        </span>
      </div>
    </form>
  );
}
