/**
 * Parameters of a run between their JSON Schema, what a person types (drafts, texts by name) and what
 * is sent. Whether values are right is the host's word; here is only what cannot be sent at all.
 */

const KINDS = [
  ['choice', ({ enum: values }) => Array.isArray(values)],
  ['switch', ({ type }) => type === 'boolean'],
  ['number', ({ type }) => type === 'integer' || type === 'number'],
  ['date', ({ type, format }) => type === 'string' && format === 'date'],
  ['text', ({ type }) => type === 'string'],
];

/** The fields of a form for a schema, in its order. What no input fits is typed as JSON. */
export function paramFields(schema) {
  const required = new Set(Array.isArray(schema?.required) ? schema.required : []);
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name,
    label: property.title ?? name,
    description: property.description ?? null,
    required: required.has(name) && property.default === undefined,
    kind: KINDS.find(([, fits]) => fits(property))?.[0] ?? 'json',
    choices: property.enum ?? null,
    fallback: property.default,
    type: property.type,
  }));
}

function draftOf(field, value) {
  if (value === undefined || value === null) return '';
  if (field.kind === 'choice') return JSON.stringify(value);
  if (field.kind === 'json' || typeof value !== 'string') return JSON.stringify(value);
  return value;
}

/** What the form shows for given values; the schema's own where there is none. */
export function draftsOf(fields, values = {}) {
  return Object.fromEntries(
    fields.map((field) => [field.name, draftOf(field, values[field.name] ?? field.fallback)]),
  );
}

function numberOf(text) {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error('This is not a number.');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new Error('This has too many digits for a form: start the run with headgate run.');
  }
  return value;
}

function valueOf(field, draft) {
  if (field.kind === 'number') return numberOf(draft);
  if (field.kind === 'text' || field.kind === 'date') return draft;
  try {
    return JSON.parse(draft);
  } catch {
    throw new Error('This is not JSON, such as ["a", "b"].');
  }
}

/** `{params, errors}`: what is left empty is left out; errors by field name. */
export function paramsOf(fields, drafts) {
  const params = {};
  const errors = {};
  for (const field of fields) {
    const draft = drafts[field.name] ?? '';
    try {
      if (draft !== '') params[field.name] = valueOf(field, draft);
      else if (field.required) errors[field.name] = 'A run needs a value here.';
    } catch (error) {
      errors[field.name] = error.message;
    }
  }
  return { params, errors };
}

/** The host's errors by field name, and those that belong to none. */
export function fieldErrors(fields, errors) {
  const names = new Set(fields.map(({ name }) => name));
  const byName = {};
  const rest = [];
  for (const error of errors ?? []) {
    const name = /^\/params\/([^/]+)/.exec(error.pointer)?.[1];
    const plain = name?.replaceAll('~1', '/').replaceAll('~0', '~');
    if (plain !== undefined && names.has(plain)) byName[plain] ??= error.detail;
    else rest.push(error);
  }
  return { byName, rest };
}
