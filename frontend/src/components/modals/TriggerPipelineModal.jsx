import { Button } from '@mantine/core';
import { useRef, useState } from 'react';
import { formatCount } from '../../lib/format.js';
import { draftsOf, fieldErrors, paramFields, paramsOf } from '../../lib/params.js';
import { Dialog } from '../../ui/Dialog.jsx';
import { IconPlayerPlay } from '../../ui/icons.js';
import { ErrorPanel } from '../../ui/notices.jsx';
import { ParamsForm } from '../forms/ParamsForm.jsx';
import { TriggerOutcome } from '../panels/TriggerOutcome.jsx';
import classes from './TriggerPipelineModal.module.css';

/**
 * Asks for the parameters of a run and starts it. `last`: the parameters of the run before, or null.
 * `trigger` is the mutation of useTrigger; it closes the dialog when the run is there.
 */
export function TriggerPipelineModal({ pipeline, last, trigger, onClose }) {
  return (
    <Dialog title={`Run ${pipeline.name || pipeline.id}`} size="md" onClose={onClose}>
      <RunForm pipeline={pipeline} last={last} trigger={trigger} onClose={onClose} />
    </Dialog>
  );
}

function RunForm({ pipeline, last, trigger, onClose }) {
  const fields = paramFields(pipeline.params_schema);
  const form = useRef(null);
  const [drafts, setDrafts] = useState(() => draftsOf(fields));
  const [own, setOwn] = useState({});
  const refused = fieldErrors(fields, trigger.error?.errors);
  const errors = Object.keys(own).length > 0 ? own : refused.byName;

  function change(name, value) {
    setDrafts((old) => ({ ...old, [name]: value }));
    setOwn(({ [name]: _mended, ...rest }) => rest);
    trigger.reset();
  }

  function submit(event) {
    event.preventDefault();
    const found = paramsOf(fields, drafts);
    setOwn(found.errors);
    const first = fields.find(({ name }) => found.errors[name])?.name;
    if (first) form.current.elements[first].focus();
    else trigger.mutate(found.params);
  }

  return (
    <form ref={form} className={classes.form} onSubmit={submit} noValidate>
      <p className="muted">
        Starts the {formatCount(pipeline.jobs?.length ?? 0)} jobs of <code>{pipeline.id}</code> with
        these parameters. What is left empty is not given.
      </p>
      <Refusal error={trigger.error} rest={refused.rest} />
      <ParamsForm fields={fields} drafts={drafts} errors={errors} onChange={change} />
      <div className={classes.actions}>
        {last && (
          <Button
            variant="subtle"
            onClick={() => {
              setDrafts(draftsOf(fields, last));
              setOwn({});
              trigger.reset();
            }}
          >
            Values of the last run
          </Button>
        )}
        <span className={classes.space} />
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          type="submit"
          loading={trigger.isPending}
          leftSection={<IconPlayerPlay size={16} aria-hidden="true" />}
        >
          Run
        </Button>
      </div>
    </form>
  );
}

/** What the host says of the whole; what it says of one field stands there. */
function Refusal({ error, rest }) {
  if (!error) return null;
  if (error.status !== 422) return <TriggerOutcome trigger={{ error }} />;
  if (rest.length === 0 && error.errors.length > 0) return null;
  return <ErrorPanel error={{ ...error, detail: error.detail, errors: rest }} />;
}
