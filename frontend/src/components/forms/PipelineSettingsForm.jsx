import { Button, Checkbox, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { sessionQuery, settingsQuery, useChangeSettings } from '../../api/queries.js';
import { describeSchedule } from '../../lib/schedule.js';
import { settingErrors, settingsDrafts, settingsPatch } from '../../lib/settings.js';
import { ErrorPanel, Notice } from '../../ui/notices.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import '@mantine/core/styles/Checkbox.layer.css';
import '@mantine/core/styles/InlineInput.layer.css';
import classes from './PipelineSettingsForm.module.css';

/** Schedule, parallelism, retries of a pipeline, laid over what its file says. */
export function PipelineSettingsForm({ pipelineId }) {
  const query = useQuery(settingsQuery(pipelineId));
  return (
    <QueryState query={query} what="the settings" rows={4}>
      {() => <Settings key={query.data.etag} pipeline={query.data.body} etag={query.data.etag} />}
    </QueryState>
  );
}

function Settings({ pipeline, etag }) {
  const client = useQueryClient();
  const { data: user } = useQuery(sessionQuery);
  const change = useChangeSettings(pipeline.id);
  const [drafts, setDrafts] = useState(() => settingsDrafts(pipeline));
  const readOnly = user?.role !== 'admin';
  const patch = settingsPatch(pipeline, drafts);
  const changed = Object.keys(patch).length > 0;
  const errors = settingErrors(change.error);
  const words = describeSchedule(drafts.schedule);

  function set(name, value) {
    setDrafts((old) => ({ ...old, [name]: value }));
    change.reset();
  }

  const text = (name, label, description) => (
    <TextInput
      name={name}
      label={label}
      description={description}
      value={drafts[name]}
      readOnly={readOnly}
      error={errors[name]}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => set(name, event.currentTarget.value)}
    />
  );

  function submit(event) {
    event.preventDefault();
    if (changed) change.mutate({ patch, etag });
  }

  return (
    <form className={classes.form} onSubmit={submit} noValidate aria-label="Settings">
      {readOnly && (
        <p className="muted">Only an administrator changes settings. These are the present ones.</p>
      )}
      <SettingsError
        error={change.error}
        onReload={() => client.resetQueries({ queryKey: settingsQuery(pipeline.id).queryKey })}
      />
      <div className={classes.fields}>
        {text(
          'schedule',
          'Schedule',
          words ?? 'Five fields: minute, hour, day, month, weekday. Empty: only by hand',
        )}
        {text('timezone', 'Time zone', 'Such as Europe/Berlin or UTC')}
        {text('parallelism', 'Tasks at once', '1 to 64')}
        {text('retries', 'Retries of a job', '0 to 20')}
      </div>
      <Checkbox
        name="enabled"
        label="Runs on its schedule"
        description="Without this it is paused, and starts only by hand"
        checked={drafts.enabled}
        disabled={readOnly}
        onChange={(event) => set('enabled', event.currentTarget.checked)}
      />
      {!readOnly && (
        <div className={classes.actions}>
          <Button type="submit" disabled={!changed} loading={change.isPending}>
            Save
          </Button>
          <Button
            variant="default"
            disabled={!changed}
            onClick={() => {
              setDrafts(settingsDrafts(pipeline));
              change.reset();
            }}
          >
            Undo changes
          </Button>
        </div>
      )}
      <Overrides overrides={pipeline.overrides} />
    </form>
  );
}

/** What the host says of one field stands there; of the whole, above. */
function SettingsError({ error, onReload }) {
  if (!error || Object.keys(settingErrors(error)).length > 0) return null;
  if (error.status !== 412) return <ErrorPanel error={error} />;
  return (
    <Notice tone="warning" title="Somebody else has changed these settings" role="alert">
      <p>Yours are not saved. Load the present settings, then make your change again.</p>
      <p>
        <Button variant="default" size="xs" onClick={onReload}>
          Load the present settings
        </Button>
      </p>
    </Notice>
  );
}

function Overrides({ overrides }) {
  const names = Object.keys(overrides ?? {});
  if (names.length === 0) return null;
  return (
    <p className="muted">
      Changed here, whatever the file says:{' '}
      {names.map((name, index) => (
        <span key={name}>
          {index > 0 && ', '}
          <code>{name}</code>
        </span>
      ))}
      .
    </p>
  );
}
