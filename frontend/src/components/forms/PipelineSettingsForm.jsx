import { Button, Checkbox, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { sessionQuery, settingsQuery, useChangeSettings } from '../../api/queries.js';
import { useResetSettings } from '../../api/schedules.js';
import { describeMissed, describeSchedule } from '../../lib/schedule.js';
import { fileDrafts, settingErrors, settingsDrafts, settingsPatch } from '../../lib/settings.js';
import { useFireTimes } from '../../lib/useFireTimes.js';
import { ErrorPanel, Notice } from '../../ui/notices.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { FireTimes } from '../panels/FireTimes.jsx';
import '@mantine/core/styles/Checkbox.layer.css';
import '@mantine/core/styles/InlineInput.layer.css';
import classes from './PipelineSettingsForm.module.css';

/** Schedule, parallelism, retries of a pipeline, laid over what its file says. */
export function PipelineSettingsForm({ pipelineId }) {
  const query = useQuery(settingsQuery(pipelineId));
  // What was changed here before all of it was taken back: the form itself begins anew then.
  const [taken, setTaken] = useState(null);
  const [done, setDone] = useState(null);
  return (
    <QueryState query={query} what="the settings" rows={4}>
      {({ body, etag }) => (
        <Settings
          key={etag}
          pipeline={body}
          etag={etag}
          taken={taken}
          onTaken={setTaken}
          done={done}
          onDone={setDone}
        />
      )}
    </QueryState>
  );
}

/** What was sent may replace the form that sent it: then only the promise still tells. */
function settle(sent, done) {
  sent.then(done, () => {
    // The mutation keeps its error, and the form shows it.
  });
}

function Settings({ pipeline, etag, taken, onTaken, done, onDone }) {
  const client = useQueryClient();
  const form = useRef(null);
  const { data: user } = useQuery(sessionQuery);
  const change = useChangeSettings(pipeline.id);
  const reset = useResetSettings(pipeline.id);
  const [drafts, setDrafts] = useState(() => settingsDrafts(pipeline));
  const next = useFireTimes(drafts.schedule, drafts.timezone);
  const readOnly = user?.role !== 'admin';
  const patch = settingsPatch(pipeline, drafts);
  const changed = Object.keys(patch).length > 0;
  const errors = { ...next.errors, ...settingErrors(change.error) };
  const file = fileDrafts(pipeline);

  function set(name, value) {
    setDrafts((old) => ({ ...old, [name]: value }));
    change.reset();
    reset.reset();
    onDone(null);
  }

  function submit(event) {
    event.preventDefault();
    onTaken(null);
    if (changed) settle(change.mutateAsync({ patch, etag }), () => onDone('Saved.'));
  }

  function takeBack() {
    change.reset();
    onDone(null);
    settle(reset.mutateAsync({ etag }), () => onTaken(pipeline.overrides));
  }

  const field = (name, label, description) => (
    <Field
      name={name}
      label={label}
      description={description}
      value={drafts[name]}
      file={file[name]}
      readOnly={readOnly}
      error={errors[name]}
      onChange={(value) => set(name, value)}
    />
  );

  return (
    <form ref={form} className={classes.form} onSubmit={submit} noValidate aria-label="Settings">
      {readOnly && (
        <p className="muted">Only an administrator changes settings. These are the present ones.</p>
      )}
      <SettingsError
        error={change.error ?? reset.error}
        onReload={() => client.resetQueries({ queryKey: settingsQuery(pipeline.id).queryKey })}
      />
      <TakenBack
        taken={taken}
        busy={change.isPending}
        onUndo={() =>
          settle(change.mutateAsync({ patch: taken, etag }), () => {
            onTaken(null);
            onDone('Undone.');
          })
        }
      />
      <div className={classes.fields}>
        {field(
          'schedule',
          'Schedule',
          describeSchedule(drafts.schedule) ??
            'Five fields: minute, hour, day, month, weekday. Empty: only by hand',
        )}
        {field('timezone', 'Time zone', 'Such as Europe/Berlin or UTC')}
        <NextTimes next={next} enabled={drafts.enabled} missed={pipeline.missed} />
        {field('parallelism', 'Tasks at once', '1 to 64')}
        {field('retries', 'Retries of a job', '0 to 20')}
      </div>
      <div>
        <Checkbox
          name="enabled"
          label="Runs on its schedule"
          description="Without this it is paused, and starts only by hand"
          checked={drafts.enabled}
          disabled={readOnly}
          error={errors.enabled}
          onChange={(event) => set('enabled', event.currentTarget.checked)}
        />
        <FromFile
          label="Runs on its schedule"
          file={file.enabled}
          shown={drafts.enabled}
          readOnly={readOnly}
          onUse={() => set('enabled', file.enabled)}
        />
      </div>
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
              // The button has nothing left to do.
              form.current.elements.schedule.focus();
            }}
          >
            Undo changes
          </Button>
          {Object.keys(file).length > 0 && (
            <Button variant="default" loading={reset.isPending} onClick={takeBack}>
              Go back to the file
            </Button>
          )}
          {done && (
            <span key={done} ref={takeFocus} tabIndex={-1} role="status" className="muted">
              {done}
            </span>
          )}
        </div>
      )}
    </form>
  );
}

function Field({ name, label, description, value, file, readOnly, error, onChange }) {
  return (
    <div>
      <TextInput
        name={name}
        label={label}
        description={description}
        value={value}
        readOnly={readOnly}
        error={error}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <FromFile
        label={label}
        file={file}
        shown={value}
        readOnly={readOnly}
        onUse={() => onChange(file)}
      />
    </div>
  );
}

const SWITCHED = { true: 'on', false: 'off' };

/** Under a setting that was changed without the file: what the file says, and the way back to it. */
function FromFile({ label, file, shown, readOnly, onUse }) {
  if (file === undefined) return null;
  return (
    <div className={classes.file}>
      <span>
        The file says <code>{SWITCHED[file] ?? (file === '' ? 'nothing' : file)}</code>
      </span>
      {!readOnly && shown !== file && (
        <Button
          variant="default"
          size="compact-xs"
          aria-label={`Use it for ${label}, as the file says`}
          onClick={onUse}
        >
          Use it
        </Button>
      )}
    </div>
  );
}

/** When what is typed would fire. The place is kept while it is wrong, so that nothing moves. */
function NextTimes({ next: { times, timezone, error }, enabled, missed }) {
  return (
    <div className={classes.next}>
      <h3>Next times{enabled ? '' : ', once it is no longer paused'}</h3>
      {error && <ErrorPanel error={error} />}
      {times ? (
        <FireTimes times={times} timezone={timezone} label="Next times" />
      ) : (
        <p className="muted">None with this schedule: it starts only by hand.</p>
      )}
      <p className={classes.missed}>
        {describeMissed(missed)} The file sets this: <code>missed: {missed}</code>
      </p>
    </div>
  );
}

/** The button that was pressed went with the form that had it. */
const takeFocus = (element) => element?.focus();

/** What was changed here is gone, and can be had again. */
function TakenBack({ taken, busy, onUndo }) {
  if (!taken) return null;
  return (
    <Notice tone="running" title="The file’s settings hold again" role="status">
      <p>
        Taken back: <code>{Object.keys(taken).join(', ')}</code>
      </p>
      <p>
        <Button ref={takeFocus} variant="default" size="xs" loading={busy} onClick={onUndo}>
          Undo
        </Button>
      </p>
    </Notice>
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
