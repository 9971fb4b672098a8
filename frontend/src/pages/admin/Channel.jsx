import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import {
  channelQuery,
  channelSettingsQuery,
  useChangeChannel,
  useRemoveChannel,
  useTestChannel,
} from '../../api/alerts.js';
import { sessionQuery } from '../../api/queries.js';
import { ChannelForm } from '../../components/forms/ChannelForm.jsx';
import { FromFile } from '../../components/panels/FromFile.jsx';
import { ForRole } from '../../components/panels/ForRole.jsx';
import { mayAs } from '../../lib/access.js';
import { channelPlace, channelState, kindWord } from '../../lib/channels.js';
import { formatAmount, formatDuration } from '../../lib/format.js';
import { asSentence } from '../../lib/runs.js';
import { Fact, Facts } from '../../ui/Facts.jsx';
import { IconSend } from '../../ui/icons.js';
import { ErrorPanel, Notice } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Section } from '../../ui/Section.jsx';
import { Status } from '../../ui/Status.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './settings.module.css';

const RemoveModal = lazy(() =>
  import('../../components/modals/RemoveModal.jsx').then((module) => ({
    default: module.RemoveModal,
  })),
);

/** One alert channel: whether it takes what it is sent, a test, its settings. */
export function Channel() {
  const { channelId } = useParams({ from: '/app/settings/alerts/$channelId' });
  return (
    <>
      <div className={classes.crumb}>
        <Link to="/settings/alerts">Alert channels</Link>
      </div>
      <ForRole least="data_scientist" what="the alert channels">
        <ChannelPage key={channelId} id={channelId} />
      </ForRole>
    </>
  );
}

function ChannelPage({ id }) {
  const query = useQuery(channelQuery(id));
  const { data: user } = useQuery(sessionQuery);
  const test = useTestChannel(id);
  const mayChange = mayAs(user?.role, 'admin');
  const channel = query.data;
  return (
    <>
      <PageHead
        title={channel?.name ?? 'Alert channel'}
        state={channel && <Status status={channelState(channel)} />}
        actions={
          mayChange &&
          channel && (
            <Button
              leftSection={<IconSend size={16} aria-hidden="true" />}
              loading={test.isPending}
              onClick={() => test.mutate()}
            >
              Send a test
            </Button>
          )
        }
      />
      <QueryState query={query} what="the channel" rows={4}>
        {(found) => (
          <div className={classes.stack}>
            <TestOutcome test={test} channel={found} />
            <FromFile kind="channel" origin={found.origin} file={found.file} />
            <Failing channel={found} mayChange={mayChange && !found.file} />
            <Facts label="Channel">
              <Fact label="Kind">{kindWord(found.kind)}</Fact>
              <Fact label="Goes to" wide>
                <span className={classes.place}>{channelPlace(found)}</span>
              </Fact>
              <Fact label="Last delivered">
                <Time value={found.last_sent_at} empty="never" />
              </Fact>
              <Fact label="Added">
                <Time value={found.created_at} />
              </Fact>
            </Facts>
            {mayChange && !found.file && (
              <div>
                <Settings id={id} />
                <Removal channel={found} />
              </div>
            )}
            {!mayChange && (
              <p className="muted">Only an administrator changes and tests channels.</p>
            )}
          </div>
        )}
      </QueryState>
    </>
  );
}

/** What came of a test: the receiver's word, not ours. */
function TestOutcome({ test, channel }) {
  if (test.error) return <ErrorPanel error={test.error} />;
  if (test.isPending) {
    return (
      <Notice role="status" title="The test is on its way">
        <p>{channelPlace(channel)} has ten seconds to answer.</p>
      </Notice>
    );
  }
  if (!test.data) return null;
  const { success, error, http_status: status, latency_ms: latency } = test.data;
  const answer = status ? `It answered ${status} after ${formatDuration(latency)}.` : null;
  if (success) {
    return (
      <Notice role="status" tone="succeeded" title="The test was taken">
        <p>{answer ?? `It took ${formatDuration(latency)}.`}</p>
      </Notice>
    );
  }
  return (
    <Notice role="alert" tone="failed" title="The test was not delivered">
      <p>{asSentence(error ?? 'The host does not say why')}</p>
      {answer && <p className="muted">{answer}</p>}
    </Notice>
  );
}

/** That it does not take what it is sent, when it is tried next, and the way to try now. */
function Failing({ channel, mayChange }) {
  const change = useChangeChannel(channel.id);
  if (channelState(channel) !== 'failing') return null;
  return (
    <Notice
      tone="failed"
      title={`${formatAmount(channel.failures, 'attempt')} failed since it last took something`}
    >
      <p>
        What is to be sent waits, up to a day.{' '}
        {channel.retry_at && (
          <>
            Next attempt <Time value={channel.retry_at} />.
          </>
        )}
      </p>
      <p>
        <Link to="/settings/alerts" search={{ tab: 'log', channel: channel.name }}>
          Why, in the delivery log
        </Link>
      </p>
      {change.error && <ErrorPanel error={change.error} />}
      {mayChange && (
        <p>
          <Button
            variant="default"
            size="xs"
            loading={change.isPending}
            // Any change clears the pause.
            onClick={() => change.mutate({ patch: { enabled: true } })}
          >
            Try again now
          </Button>
        </p>
      )}
    </Notice>
  );
}

function Settings({ id }) {
  const query = useQuery(channelSettingsQuery(id));
  const [loads, setLoads] = useState(0);
  return (
    <Section title="Settings">
      <QueryState query={query} what="the settings" rows={4}>
        {({ body, etag }) => (
          <ChannelForm
            // What was typed over what somebody else has changed is gone with it.
            key={loads}
            channel={body}
            etag={etag}
            onReload={async () => {
              await query.refetch();
              setLoads(loads + 1);
            }}
          />
        )}
      </QueryState>
    </Section>
  );
}

function Removal({ channel }) {
  const remove = useRemoveChannel(channel.id);
  const { dialog } = useSearch({ from: '/app/settings/alerts/$channelId' });
  const navigate = useNavigate({ from: '/settings/alerts/$channelId' });
  const show = (next) => navigate({ search: { dialog: next }, replace: true, resetScroll: false });
  return (
    <Section
      title="Removal"
      note="The channel goes, with its secrets. What it was told stays in the delivery log."
    >
      <div>
        <Button variant="default" aria-haspopup="dialog" onClick={() => show('remove')}>
          Remove the channel…
        </Button>
      </div>
      {dialog === 'remove' && (
        <Suspense fallback={null}>
          <RemoveModal
            kind="channel"
            name={channel.name}
            remove={remove}
            onRemoved={() => navigate({ to: '/settings/alerts' })}
            onClose={() => show(undefined)}
          >
            <p>
              What waits to be sent to it ends as failed, and pipelines that name it in{' '}
              <code>on_failure</code> tell nobody in its place.
            </p>
          </RemoveModal>
        </Suspense>
      )}
    </Section>
  );
}
