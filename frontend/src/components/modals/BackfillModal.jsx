import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { FIRE_TIMES_MOST, fireTimesQuery, useBackfill } from '../../api/schedules.js';
import { backfillWindow, timesWithin, WINDOW, windowErrors } from '../../lib/backfill.js';
import { formatAmount, formatLocalTime } from '../../lib/format.js';
import { draftsOf, fieldErrors, paramFields, paramsOf } from '../../lib/params.js';
import { describeSchedule, scheduleZone } from '../../lib/schedule.js';
import { Dialog } from '../../ui/Dialog.jsx';
import { IconHistory } from '../../ui/icons.js';
import { ErrorPanel } from '../../ui/notices.jsx';
import { ParamsForm } from '../forms/ParamsForm.jsx';
import classes from './TriggerPipelineModal.module.css';

/** Asks for a window of times that have been, and runs the pipeline for each. `onStarted` is told. */
export function BackfillModal({ pipeline, onStarted, onClose }) {
  return (
    <Dialog title={`Backfill ${pipeline.name || pipeline.id}`} size="lg" onClose={onClose}>
      <BackfillForm pipeline={pipeline} onStarted={onStarted} onClose={onClose} />
    </Dialog>
  );
}

/** What is typed of the window, with the times of the schedule that lie in it. */
function useWindow(pipeline) {
  const [drafts, setDrafts] = useState({ from: '', to: '' });
  const zone = scheduleZone(pipeline);
  const range = backfillWindow(drafts, zone);
  const query = useQuery({
    ...fireTimesQuery(pipeline.schedule, zone, {
      // The host gives what comes behind a time; the window begins with its first.
      after: range && new Date(Date.parse(range.from) - 1).toISOString(),
      count: FIRE_TIMES_MOST,
    }),
    enabled: Boolean(range),
  });
  const asked = range && !query.isPlaceholderData ? query.data : null;
  return { drafts, setDrafts, zone, range, within: asked && timesWithin(asked.items, range) };
}

function BackfillForm({ pipeline, onStarted, onClose }) {
  const fields = paramFields(pipeline.params_schema);
  const form = useRef(null);
  const start = useBackfill(pipeline.id);
  const { drafts, setDrafts, zone, range, within } = useWindow(pipeline);
  const [params, setParams] = useState(() => draftsOf(fields));
  const [own, setOwn] = useState({});
  const refused = fieldErrors(fields, start.error?.errors);
  const found =
    Object.keys(own).length > 0 ? own : { ...refused.byName, ...windowErrors(start.error) };
  const rest = refused.rest.filter(({ pointer }) => !Object.values(WINDOW).includes(pointer));

  function change(set, name, value, field = name) {
    set((old) => ({ ...old, [name]: value }));
    setOwn(({ [field]: _mended, ...others }) => others);
    start.reset();
  }

  function submit(event) {
    event.preventDefault();
    const given = paramsOf(fields, params);
    const missing = Object.fromEntries(
      Object.entries(WINDOW)
        .filter(([name]) => !drafts[name])
        .map(([, field]) => [field, 'Choose a day and a time.']),
    );
    const early =
      range || Object.keys(missing).length > 0 ? {} : { [WINDOW.to]: 'This is not behind “From”.' };
    const errors = { ...missing, ...early, ...given.errors };
    setOwn(errors);
    const order = [...Object.values(WINDOW), ...fields.map(({ name }) => name)];
    const first = order.find((name) => errors[name]);
    if (first) {
      form.current.elements[first].focus();
      return;
    }
    const asks = Object.keys(given.params).length > 0 ? { params: given.params } : {};
    start.mutate({ ...range, ...asks }, { onSuccess: onStarted });
  }

  const moment = (name, label, description) => (
    <TextInput
      type="datetime-local"
      name={WINDOW[name]}
      label={label}
      description={description}
      required
      withAsterisk
      data-autofocus={name === 'from' || undefined}
      value={drafts[name]}
      error={found[WINDOW[name]]}
      onChange={(event) => change(setDrafts, name, event.currentTarget.value, WINDOW[name])}
    />
  );

  return (
    <form ref={form} className={classes.form} onSubmit={submit} noValidate>
      <p className="muted">
        Runs once for each time of the schedule (
        {describeSchedule(pipeline.schedule) ?? <code>{pipeline.schedule}</code>}) in a window that
        has been, one after the other, beside the pipeline’s other runs.
      </p>
      {start.error && (start.error.status !== 422 || rest.length > 0) && (
        <ErrorPanel error={{ ...start.error, detail: start.error.detail, errors: rest }} />
      )}
      <div className={classes.pair}>
        {moment('from', 'From', `The first time that counts, in ${zone}`)}
        {moment('to', 'Before', `Not included, in ${zone}`)}
      </div>
      <p className={classes.count} role="status">
        <WindowText range={range} within={within} />
      </p>
      {fields.length > 0 && (
        <ParamsForm
          fields={fields}
          drafts={params}
          errors={found}
          focusFirst={false}
          onChange={(name, value) => change(setParams, name, value)}
        />
      )}
      <div className={classes.actions}>
        <span className={classes.space} />
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          type="submit"
          loading={start.isPending}
          leftSection={<IconHistory size={16} aria-hidden="true" />}
        >
          Start the backfill
        </Button>
      </div>
    </form>
  );
}

/** How many runs that will be, as far as the page can see it. */
function WindowText({ range, within }) {
  if (!range) return 'Choose a window to see which times lie in it.';
  if (!within) return 'Looking for the times in this window…';
  if (within.count === 0) return 'No time of the schedule lies in this window.';
  const first = formatLocalTime(within.first.local_time);
  if (within.more) return `More than ${within.count} runs, the first for ${first}.`;
  if (within.count === 1) return `One run, for ${first}.`;
  const last = formatLocalTime(within.last.local_time);
  return `${formatAmount(within.count, 'run')}: for ${first} to ${last}.`;
}
