const ALIASES = {
  '@hourly': 'Every hour',
  '@daily': 'Every day at 00:00',
  '@midnight': 'Every day at 00:00',
  '@weekly': 'Every Sunday at 00:00',
  '@monthly': 'On day 1 of every month at 00:00',
  '@yearly': 'Every year on 1 January at 00:00',
  '@annually': 'Every year on 1 January at 00:00',
};
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/**
 * Says a cron line in words for the shapes people write most; null for any other, where the line
 * itself is the clearest thing to show.
 */
export function describeSchedule(cron) {
  if (!cron) return null;
  if (Object.hasOwn(ALIASES, cron)) return ALIASES[cron];
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5) return null;
  const [minute, hour, day, month, weekday] = fields;
  const often = describeInterval(minute, hour);
  if (often) return day === '*' && month === '*' && weekday === '*' ? often : null;
  if (!upTo(59, minute) || !upTo(23, hour)) return null;
  const at = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  if (day !== '*' || month !== '*') return describeDate(day, month, weekday, at);
  const days = describeDays(weekday);
  return days && `${days} at ${at}`;
}

const upTo = (limit, text) => /^\d+$/.test(text) && Number(text) <= limit;

/** A day of the month, of each or of one; a number that no calendar has is left as it is written. */
function describeDate(day, month, weekday, at) {
  if (weekday !== '*' || !upTo(31, day) || Number(day) === 0) return null;
  if (month === '*') return `On day ${Number(day)} of every month at ${at}`;
  if (!upTo(12, month) || Number(month) === 0) return null;
  return `Every year on ${Number(day)} ${MONTHS[month - 1]} at ${at}`;
}

function describeInterval(minute, hour) {
  if (minute === '*' && hour === '*') return 'Every minute';
  const step = /^\*\/(\d+)$/.exec(minute);
  if (step && hour === '*') return `Every ${step[1]} minutes`;
  const hours = /^\*\/(\d+)$/.exec(hour);
  if (/^\d+$/.test(minute) && hours) return `Every ${hours[1]} hours${past(minute)}`;
  if (/^\d+$/.test(minute) && hour === '*') return `Every hour${past(minute)}`;
  return null;
}

function past(minute) {
  return Number(minute) === 0 ? '' : `, at minute ${Number(minute)}`;
}

function describeDays(weekday) {
  if (weekday === '*') return 'Every day';
  const range = /^([0-7])-([0-7])$/.exec(weekday);
  if (range) return `${DAYS[range[1] % 7]} to ${DAYS[range[2] % 7]}`;
  if (/^[0-7](,[0-7])*$/.test(weekday)) {
    return [...new Set(weekday.split(',').map((day) => DAYS[day % 7]))].join(', ');
  }
  return null;
}

/** The zone a pipeline's schedule is told in. */
export function scheduleZone(pipeline) {
  return pipeline.timezone || 'UTC';
}

/** The settings that the fields of the question for fire times are. */
export const SETTING_OF_FIELD = { '/cron': 'schedule', '/timezone': 'timezone' };

const EFFECTS = {
  moved:
    'Clocks go forward on this day and leave the written time out: it runs right behind the gap.',
  first_of_two: 'Clocks go back on this day and this time comes twice: this is the first.',
  second_of_two: 'Clocks go back on this day and this time comes twice: this is the second.',
};

/** What a change of the clock does to a time of its day: `{text, moves}`. */
export function clockNote({ effect, offset_before: before, offset_after: after }) {
  const text = Object.hasOwn(EFFECTS, effect)
    ? EFFECTS[effect]
    : `Clocks change on this day, from UTC${before} to UTC${after}.`;
  return { text, moves: Object.hasOwn(EFFECTS, effect) };
}

const MISSED = {
  none: 'are not made up for',
  last: 'are made up for by one run, for the last of them',
  all: 'are each made up for, one after the other',
};

/** What happens to the times that came while no host ran. */
export function describeMissed(missed) {
  return Object.hasOwn(MISSED, missed)
    ? `Times that come while no host runs ${MISSED[missed]}.`
    : null;
}
