import { Button, NativeSelect, Tabs } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { alertsQuery, channelsQuery } from '../../api/alerts.js';
import { pipelinesQuery, sessionQuery } from '../../api/queries.js';
import { ForRole } from '../../components/panels/ForRole.jsx';
import { SecretOnce } from '../../components/panels/SecretOnce.jsx';
import { AlertsTable } from '../../components/tables/AlertsTable.jsx';
import { ChannelsTable } from '../../components/tables/ChannelsTable.jsx';
import { mayAs } from '../../lib/access.js';
import { DELIVERY_STATES, describeState } from '../../lib/status.js';
import { IconPlus } from '../../ui/icons.js';
import { EmptyState, NoMatch, Notice } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import classes from './settings.module.css';

const AddChannelModal = lazy(() =>
  import('../../components/modals/AddChannelModal.jsx').then((module) => ({
    default: module.AddChannelModal,
  })),
);

const NO_FILTER = { pipeline: undefined, channel: undefined, delivery: undefined };

/** Who is told when a run fails, and what they were told. */
export function Alerts() {
  const { data: user } = useQuery(sessionQuery);
  const search = useSearch({ from: '/app/settings/alerts' });
  const navigate = useNavigate({ from: '/settings/alerts' });
  const [added, setAdded] = useState(null);
  const mayChange = mayAs(user?.role, 'admin');
  const show = (change) =>
    navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  const add = () => show({ dialog: 'add' });
  return (
    <>
      <PageHead
        title="Alert channels"
        facts="Who is told when a run fails. A pipeline’s file names them in on_failure."
        actions={
          mayChange && (
            <Button
              leftSection={<IconPlus size={16} aria-hidden="true" />}
              aria-haspopup="dialog"
              onClick={add}
            >
              Add a channel
            </Button>
          )
        }
      />
      <ForRole least="data_scientist" what="the alert channels">
        {added && (
          <div className={classes.notice}>
            <Added added={added} onDone={() => setAdded(null)} />
          </div>
        )}
        <Tabs
          value={search.tab ?? 'channels'}
          onChange={(next) => show({ ...NO_FILTER, tab: next === 'channels' ? undefined : next })}
          keepMounted={false}
        >
          <Tabs.List mb="md" aria-label="Channels and delivery log">
            <Tabs.Tab value="channels">Channels</Tabs.Tab>
            <Tabs.Tab value="log">Delivery log</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="channels">
            <ChannelList mayChange={mayChange} onAdd={add} />
          </Tabs.Panel>
          <Tabs.Panel value="log">
            <AlertLog
              filter={{
                pipeline: search.pipeline,
                channel: search.channel,
                delivery: search.delivery,
              }}
              onFilter={show}
            />
          </Tabs.Panel>
        </Tabs>
        {mayChange && search.dialog === 'add' && (
          <Suspense fallback={null}>
            <AddChannelModal
              onClose={() => show({ dialog: undefined })}
              onAdded={(channel, secret) => {
                setAdded({ channel, secret });
                show({ dialog: undefined, tab: undefined });
              }}
            />
          </Suspense>
        )}
      </ForRole>
    </>
  );
}

function Added({ added: { channel, secret }, onDone }) {
  if (secret) {
    return (
      <SecretOnce
        title={`This is the secret of “${channel.name}”`}
        what="the secret"
        value={secret}
        onDone={onDone}
      />
    );
  }
  return (
    <Notice role="status" title={`${channel.name} is added`}>
      <p>Open it to send a test; then name it in the on_failure of pipelines.</p>
    </Notice>
  );
}

function ChannelList({ mayChange, onAdd }) {
  const query = useQuery(channelsQuery);
  return (
    <QueryState query={query} what="the alert channels" rows={3}>
      {(channels) =>
        channels.length === 0 ? (
          <EmptyState
            title="No channel yet"
            action={
              mayChange && (
                <Button variant="default" size="sm" aria-haspopup="dialog" onClick={onAdd}>
                  Add the first channel
                </Button>
              )
            }
          >
            A channel is a webhook, a Slack-compatible address or e-mail. Pipelines whose file says{' '}
            <code>on_failure: [its name]</code> tell it when a run fails.
          </EmptyState>
        ) : (
          <ChannelsTable channels={channels} />
        )
      }
    </QueryState>
  );
}

function AlertLog({ filter, onFilter }) {
  const filtered = Object.values(filter).some(Boolean);
  return (
    <>
      <Filters filter={filter} onFilter={onFilter} />
      <ToldAlerts
        // What is held back above the reader is of one filter.
        key={Object.values(filter).join(' ')}
        filter={filter}
        onClear={filtered ? () => onFilter(NO_FILTER) : null}
      />
    </>
  );
}

function ToldAlerts({ filter, onClear }) {
  const query = useInfiniteQuery(alertsQuery(filter));
  return (
    <QueryState query={query} what="the delivery log" rows={4}>
      {({ pages }) => {
        const alerts = pages.flatMap((page) => page.items);
        if (alerts.length > 0) return <AlertsTable query={query} alerts={alerts} />;
        if (onClear) return <NoMatch title="No alert matches" onClear={onClear} />;
        return (
          <EmptyState title="Nothing told yet">
            Each failed run of a pipeline with <code>on_failure</code>, and each test, stands here
            with who was told and whether they took it.
          </EmptyState>
        );
      }}
    </QueryState>
  );
}

/** What there is now, and what was chosen: one that is gone can still have been told, or told of. */
const choices = (all, known, chosen) => [
  { value: '', label: all },
  ...(chosen && !known.includes(chosen) ? [chosen] : []),
  ...known,
];

function Filters({ filter: { pipeline, channel, delivery }, onFilter }) {
  const { data: pipelines } = useQuery(pipelinesQuery);
  const { data: channels } = useQuery(channelsQuery);
  const select = (name, label, value, data) => (
    <NativeSelect
      label={label}
      className={classes.filter}
      value={value ?? ''}
      data={data}
      onChange={(event) => onFilter({ [name]: event.currentTarget.value || undefined })}
    />
  );
  const ids = (pipelines ?? []).map(({ id }) => id);
  const names = (channels ?? []).map(({ name }) => name);
  const states = DELIVERY_STATES.map((value) => ({ value, label: describeState(value).word }));
  return (
    <div className={classes.toolbar}>
      {select('pipeline', 'Pipeline', pipeline, choices('All, and tests', ids, pipeline))}
      {select('channel', 'Channel', channel, choices('All', names, channel))}
      {select('delivery', 'Delivery', delivery, [
        { value: '', label: 'Whatever came of it' },
        ...states,
      ])}
    </div>
  );
}
