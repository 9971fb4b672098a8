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
          onChange={(next) =>
            show({ tab: next === 'channels' ? undefined : next, pipeline: undefined })
          }
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
              // What is held back above the reader is of one filter.
              key={search.pipeline ?? ''}
              pipeline={search.pipeline}
              onFilter={(pipeline) => show({ pipeline })}
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

function AlertLog({ pipeline, onFilter }) {
  const query = useInfiniteQuery(alertsQuery({ pipeline }));
  return (
    <>
      <div className={classes.toolbar}>
        <PipelineFilter value={pipeline} onChange={onFilter} />
      </div>
      <QueryState query={query} what="the delivery log" rows={4}>
        {({ pages }) => {
          const alerts = pages.flatMap((page) => page.items);
          if (alerts.length > 0) return <AlertsTable query={query} alerts={alerts} />;
          if (pipeline)
            return (
              <NoMatch title="No alert of this pipeline" onClear={() => onFilter(undefined)} />
            );
          return (
            <EmptyState title="Nothing told yet">
              Each failed run of a pipeline with <code>on_failure</code>, and each test, stands here
              with who was told and whether they took it.
            </EmptyState>
          );
        }}
      </QueryState>
    </>
  );
}

function PipelineFilter({ value, onChange }) {
  const { data: pipelines } = useQuery(pipelinesQuery);
  const known = (pipelines ?? []).map(({ id }) => id);
  // One that is gone can still have been told of.
  const ids = value && !known.includes(value) ? [value, ...known] : known;
  return (
    <NativeSelect
      label="Pipeline"
      className={classes.filter}
      value={value ?? ''}
      data={[{ value: '', label: 'All pipelines, and tests' }, ...ids]}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}
