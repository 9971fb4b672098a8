import { Button } from '@mantine/core';
import { useRef, useState } from 'react';
import { useCreateChannel } from '../../api/alerts.js';
import { channelDrafts, channelErrors, channelGaps, newChannel } from '../../lib/channels.js';
import { Dialog } from '../../ui/Dialog.jsx';
import { ErrorPanel } from '../../ui/notices.jsx';
import classes from '../forms/AccessForms.module.css';
import { ChannelFields } from '../forms/ChannelFields.jsx';

/** Makes an alert channel. `onAdded` gets the channel, and its secret where the host made one. */
export function AddChannelModal({ onAdded, onClose }) {
  return (
    <Dialog title="Add an alert channel" size="md" onClose={onClose}>
      <NewChannel onAdded={onAdded} onClose={onClose} />
    </Dialog>
  );
}

function NewChannel({ onAdded, onClose }) {
  const form = useRef(null);
  const create = useCreateChannel();
  const [drafts, setDrafts] = useState(() => channelDrafts(null));
  const [gaps, setGaps] = useState({});
  const refused = channelErrors(create.error);

  function submit(event) {
    event.preventDefault();
    const found = channelGaps(drafts, true);
    setGaps(found);
    create.reset();
    const [first] = Object.keys(found);
    const body = newChannel(drafts);
    if (first) form.current.elements[first].focus();
    else
      create.mutate(body, {
        onSuccess: ({ secret, ...channel }) => onAdded(channel, body.secret ? null : secret),
      });
  }

  return (
    <form ref={form} className={classes.dialog} onSubmit={submit} noValidate>
      {create.error && Object.keys(refused).length === 0 && <ErrorPanel error={create.error} />}
      <ChannelFields
        channel={null}
        drafts={drafts}
        errors={{ ...refused, ...gaps }}
        onChange={(name, value) => {
          setDrafts((old) => ({ ...old, [name]: value }));
          setGaps({});
          create.reset();
        }}
      />
      <div className={classes.actions}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={create.isPending}>
          Add the channel
        </Button>
      </div>
    </form>
  );
}
