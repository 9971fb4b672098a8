import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { boundInput, hasBounds, orderOf } from '../../lib/selection.js';
import classes from './RowBounds.module.css';

const BOUNDS = [
  ['from', 'From'],
  ['to', 'To'],
];

/**
 * In which order the rows stand, or by which time a chart's bars (`times`, its choice, which `onTime`
 * takes), and the bounds of that column. `errors` are the host's, by bound.
 * Bounds are asked for when all is typed, not while it is: a half date is another date.
 */
export function RowBounds({ selection, type, errors, onChange, times, onTime }) {
  const order = orderOf(selection);
  if (!order) {
    return (
      <p className={classes.hint}>
        The table’s own order. Press a column’s name to sort by it, then set bounds for it.
      </p>
    );
  }
  return (
    <BoundsForm
      key={order.column}
      times={times}
      onTime={onTime}
      column={order.column}
      descending={order.descending}
      selection={selection}
      type={type}
      errors={errors}
      onChange={onChange}
    />
  );
}

function BoundsForm({ times, onTime, column, descending, selection, type, errors, onChange }) {
  const [drafts, setDrafts] = useDrafts(selection, type);

  function apply(event) {
    event.preventDefault();
    const next = { order: selection.order };
    for (const [bound] of BOUNDS) {
      const draft = drafts[bound].trim();
      if (draft !== '') next[bound] = boundInput(type).sent(draft);
    }
    onChange(next);
  }

  return (
    <form className={classes.form} aria-label={`Bounds of ${column}`} onSubmit={apply} noValidate>
      {times?.length > 1 ? (
        <NativeSelect
          label="Bars by"
          size="xs"
          value={column}
          data={times.map(({ name }) => name)}
          onChange={(event) => onTime(event.currentTarget.value)}
        />
      ) : (
        <p className={classes.order}>
          {times ? 'Bars by' : 'Sorted by'} <strong>{column}</strong>
          {!times && (descending ? ', descending' : ', ascending')}
        </p>
      )}
      {BOUNDS.map(([bound, word]) => {
        const { attributes, zone } = boundInput(type, drafts[bound]);
        return (
          <TextInput
            key={bound}
            {...attributes}
            className={classes.field}
            classNames={{ error: classes.error }}
            size="xs"
            name={bound}
            label={zone ? `${word} (${zone})` : word}
            autoComplete="off"
            spellCheck={false}
            maxLength={200}
            value={drafts[bound]}
            error={errors[bound]}
            onChange={(event) => setDrafts({ ...drafts, [bound]: event.currentTarget.value })}
          />
        );
      })}
      <div className={classes.actions}>
        <Button type="submit" variant="default" size="xs">
          Apply
        </Button>
        {hasBounds(selection) && (
          <Button variant="subtle" size="xs" onClick={() => onChange({ order: selection.order })}>
            Clear the bounds
          </Button>
        )}
      </div>
    </form>
  );
}

/** What stands in the fields: what was typed, until the address says something else. */
function useDrafts(selection, type) {
  const { shown } = boundInput(type);
  const held = Object.fromEntries(BOUNDS.map(([bound]) => [bound, shown(selection[bound] ?? '')]));
  const [state, setState] = useState({ held, drafts: held });
  const same = BOUNDS.every(([bound]) => state.held[bound] === held[bound]);
  if (!same) setState({ held, drafts: held });
  const drafts = same ? state.drafts : held;
  return [drafts, (next) => setState({ held, drafts: next })];
}
