import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { fireTimesQuery } from '../api/schedules.js';
import { SETTING_OF_FIELD } from './schedule.js';

const TYPED_MS = 300;

/**
 * When what is being typed would fire, and what the host says against it by setting, a moment after
 * the last key. `times` is null where there is nothing to show.
 */
export function useFireTimes(cron, timezone) {
  const [typed] = useDebouncedValue(
    JSON.stringify([cron.trim(), timezone.trim() || 'UTC']),
    TYPED_MS,
  );
  const [askedCron, askedZone] = JSON.parse(typed);
  const query = useQuery({ ...fireTimesQuery(askedCron, askedZone), enabled: askedCron !== '' });
  const errors = {};
  for (const { pointer, detail } of query.error?.errors ?? []) {
    const setting = SETTING_OF_FIELD[pointer];
    if (setting) errors[setting] ??= detail;
  }
  const none = askedCron === '' || query.isError;
  return {
    times: none ? null : (query.data?.items ?? null),
    timezone: askedZone,
    errors: askedCron === '' ? {} : errors,
    error: query.isError && Object.keys(errors).length === 0 ? query.error : null,
  };
}
