/** The parameters a run cannot start without: required by the schema and without a default. */
export function requiredParams(schema) {
  const required = Array.isArray(schema?.required) ? schema.required : [];
  return required.filter((name) => schema.properties?.[name]?.default === undefined);
}

/** The command that starts the pipeline with parameters from a shell. */
export function runCommand(pipelineId, params) {
  return ['headgate run', pipelineId, ...params.map((name) => `--param ${name}=…`)].join(' ');
}
