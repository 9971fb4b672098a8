import { TextInput } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useId, useRef, useState } from 'react';
import { useTriggerAny } from '../api/queries.js';
import { KEYS, presses } from '../lib/keys.js';
import { findCommands, runIdOf, stepped } from '../lib/palette.js';
import { Dialog } from '../ui/Dialog.jsx';
import { IconSearch } from '../ui/icons.js';
import { ErrorPanel } from '../ui/notices.jsx';
import { useCommands, useRunCommand } from './commands.js';
import classes from './Palette.module.css';

/** Goes to what there is and does what can be done, by name, with the keyboard alone. */
export default function Palette({ user, onClose, onShowKeys }) {
  return (
    <Dialog title="Search and commands" size="lg" onClose={onClose}>
      <Commands user={user} onClose={onClose} onShowKeys={onShowKeys} />
    </Dialog>
  );
}

function useChosen(groups) {
  const [at, setAt] = useState(0);
  const items = groups.flatMap((group) => group.items);
  const index = Math.min(at, Math.max(0, items.length - 1));
  return { items, index, setAt };
}

function Commands({ user, onClose, onShowKeys }) {
  const ids = useId();
  const list = useRef(null);
  const navigate = useNavigate();
  const start = useTriggerAny();
  const [text, setText] = useState('');
  const commands = useCommands(user);
  const run = useRunCommand(runIdOf(text));
  const found = findCommands(commands, text);
  const groups = run.command
    ? [{ group: run.command.group, items: [run.command], left: 0 }, ...found]
    : found;
  const { items, index, setAt } = useChosen(groups);
  const optionId = (command) => `${ids}-${items.indexOf(command)}`;

  function choose(command) {
    if (!command || start.isPending) return;
    if (command.starts) {
      start.mutate(command.starts, {
        onSuccess: ({ run_id: runId }) => {
          onClose();
          navigate({
            to: '/pipelines/$pipelineId',
            params: { pipelineId: command.starts },
            search: { run: runId },
          });
        },
      });
      return;
    }
    if (command.showsKeys) {
      onShowKeys();
      return;
    }
    onClose();
    command.act?.();
    if (command.to) navigate(command.to);
  }

  function move(step) {
    const next = stepped(index, step, items.length);
    setAt(next);
    list.current?.querySelector(`[id="${ids}-${next}"]`)?.scrollIntoView({ block: 'nearest' });
  }

  function pressed(event) {
    if (presses(KEYS.move, event)) move(event.key === 'ArrowDown' ? 1 : -1);
    else if (presses(KEYS.choose, event)) choose(items[index]);
    else return;
    event.preventDefault();
  }

  return (
    <div className={classes.palette}>
      <TextInput
        data-autofocus
        aria-label="Page, pipeline, dataset, id of a run, or action"
        placeholder="Page, pipeline, dataset, id of a run, or action"
        leftSection={<IconSearch size={16} aria-hidden="true" />}
        value={text}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        role="combobox"
        aria-expanded={items.length > 0}
        aria-controls={`${ids}-list`}
        aria-autocomplete="list"
        aria-activedescendant={items.length > 0 ? `${ids}-${index}` : undefined}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          start.reset();
        }}
        onKeyDown={(event) => {
          // While a word is being composed the keys are those of the input method.
          if (!event.nativeEvent.isComposing) pressed(event);
        }}
      />
      {start.error && (
        <NotStarted error={start.error} pipelineId={start.variables} onClose={onClose} />
      )}
      <div
        id={`${ids}-list`}
        ref={list}
        role="listbox"
        aria-label="What fits"
        className={classes.list}
      >
        {groups.map(({ group, items: some, left }) => (
          <div key={group} role="group" aria-label={group}>
            <div className={classes.group} aria-hidden="true">
              {group}
              {left > 0 && ` · ${left} more, type on`}
            </div>
            {some.map((command) => (
              <Option
                key={command.key}
                id={optionId(command)}
                command={command}
                selected={items[index] === command}
                busy={start.isPending && start.variables === command.starts}
                onPoint={() => setAt(items.indexOf(command))}
                onChoose={() => choose(command)}
              />
            ))}
          </div>
        ))}
      </div>
      <p className={`${classes.note} muted`} role="status">
        {run.note ?? (items.length === 0 ? 'Nothing fits.' : null)}
      </p>
    </div>
  );
}

function NotStarted({ error, pipelineId, onClose }) {
  return (
    <ErrorPanel error={error} tone={error.status === 409 ? 'warning' : 'failed'}>
      {error.runId && (
        <p>
          <Link
            to="/pipelines/$pipelineId"
            params={{ pipelineId }}
            search={{ run: error.runId }}
            onClick={onClose}
          >
            Show the run that is under way
          </Link>
        </p>
      )}
    </ErrorPanel>
  );
}

function Option({ id, command, selected, busy, onPoint, onChoose }) {
  const Icon = command.icon;
  return (
    // Keys are the field's, which says by aria-activedescendant where it stands.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={selected}
      className={classes.option}
      onPointerMove={selected ? undefined : onPoint}
      onClick={onChoose}
    >
      {Icon ? (
        <Icon size={16} stroke={1.75} aria-hidden="true" />
      ) : (
        <span className={classes.gap} />
      )}
      <span className={`${classes.label} truncate`} title={command.label}>
        {command.label}
      </span>
      {(busy || command.hint) && <span className="muted">{busy ? 'Starting…' : command.hint}</span>}
    </div>
  );
}
