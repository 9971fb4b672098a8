/** A pipeline's settings between the API and what a person types. */

const wholeNumber = (text) => (/^\d+$/.test(text.trim()) ? Number(text) : text);

/** In the order of the form; `read` makes what is sent of a draft. */
const SETTINGS = {
  schedule: { show: (value) => value ?? '', read: (text) => text.trim() || null },
  timezone: { show: (value) => value ?? 'UTC', read: (text) => text.trim() || 'UTC' },
  parallelism: { show: (value) => String(value ?? ''), read: wholeNumber },
  retries: { show: (value) => String(value ?? ''), read: wholeNumber },
  enabled: { show: (value) => value, read: (value) => value },
};

export function settingsDrafts(pipeline) {
  return Object.fromEntries(
    Object.entries(SETTINGS).map(([name, { show }]) => [name, show(pipeline[name])]),
  );
}

/** What differs from the pipeline, ready to be sent; an empty object when nothing does. */
export function settingsPatch(pipeline, drafts) {
  const before = settingsDrafts(pipeline);
  return Object.fromEntries(
    Object.entries(SETTINGS)
      .filter(([name]) => drafts[name] !== before[name])
      .map(([name, { read }]) => [name, read(drafts[name])]),
  );
}

/**
 * What the file says of the settings that were changed without it, as the form shows them, by name.
 * One that was changed to the same is none.
 */
export function fileDrafts(pipeline) {
  if (!pipeline.file_settings) return {};
  const here = settingsDrafts(pipeline);
  const file = settingsDrafts(pipeline.file_settings);
  return Object.fromEntries(
    Object.keys(pipeline.overrides ?? {})
      .filter((name) => name in file && file[name] !== here[name])
      .map((name) => [name, file[name]]),
  );
}

/** The host's errors by setting. */
export function settingErrors(error) {
  const found = {};
  for (const { pointer, detail } of error?.errors ?? [])
    found[pointer.replace(/^\//, '')] ??= detail;
  return found;
}
