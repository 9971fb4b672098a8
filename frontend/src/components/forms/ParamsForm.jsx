import { NativeSelect, Textarea, TextInput } from '@mantine/core';
import classes from './ParamsForm.module.css';

const SWITCH = [
  { value: 'true', label: 'Yes' },
  { value: 'false', label: 'No' },
];

/** One input for each field of lib/params.js. `drafts` and `errors` are by name. */
export function ParamsForm({ fields, drafts, errors, onChange, focusFirst = true }) {
  return (
    <div className={classes.fields}>
      {fields.map((field, index) => (
        <Field
          key={field.name}
          first={focusFirst && index === 0}
          field={field}
          value={drafts[field.name] ?? ''}
          error={errors[field.name]}
          onChange={(value) => onChange(field.name, value)}
        />
      ))}
    </div>
  );
}

function Field({ field, first, value, error, onChange }) {
  const common = {
    name: field.name,
    'data-autofocus': first || undefined,
    label: field.label,
    description: describe(field),
    withAsterisk: field.required,
    required: field.required,
    error,
    value,
    onChange: (event) => onChange(event.currentTarget.value),
  };
  if (field.kind === 'choice') return <NativeSelect {...common} data={optionsOf(field)} />;
  if (field.kind === 'switch') return <NativeSelect {...common} data={withEmpty(field, SWITCH)} />;
  if (field.kind === 'json') {
    return <Textarea {...common} rows={3} spellCheck={false} />;
  }
  return (
    <TextInput
      {...common}
      type={field.kind === 'date' ? 'date' : 'text'}
      inputMode={field.kind === 'number' ? 'decimal' : undefined}
      autoComplete="off"
      spellCheck={false}
    />
  );
}

function describe(field) {
  const fallback =
    field.fallback === undefined ? null : `Without a value: ${JSON.stringify(field.fallback)}`;
  const json = field.kind === 'json' ? `As JSON${field.type ? `, ${field.type}` : ''}` : null;
  const sentences = [field.description?.replace(/\.$/, ''), json, fallback].filter(Boolean);
  return sentences.join('. ') || undefined;
}

function withEmpty(field, options) {
  return field.fallback === undefined ? [{ value: '', label: 'No value' }, ...options] : options;
}

function optionsOf(field) {
  return withEmpty(
    field,
    field.choices.map((choice) => ({
      value: JSON.stringify(choice),
      label: typeof choice === 'string' ? choice : JSON.stringify(choice),
    })),
  );
}
