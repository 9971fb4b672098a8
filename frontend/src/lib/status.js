/**
 * The words of the API's states and how each is shown: a tone (which colours it), a word, and whether
 * something is still going to happen. Icons stand in ui/Status.jsx.
 */
const STATES = {
  queued: { word: 'Queued', tone: 'queued', active: true },
  running: { word: 'Running', tone: 'running', active: true },
  retrying: { word: 'Retrying', tone: 'warning', active: true },
  succeeded: { word: 'Succeeded', tone: 'succeeded', active: false },
  failed: { word: 'Failed', tone: 'failed', active: false },
  cancelled: { word: 'Cancelled', tone: 'queued', active: false },
  skipped: { word: 'Skipped', tone: 'queued', active: false },
  paused: { word: 'Paused', tone: 'paused', active: false },
  idle: { word: 'Never run', tone: 'queued', active: false },
  broken: { word: 'File has errors', tone: 'failed', active: false },
  enabled: { word: 'May sign in', tone: 'succeeded', active: false },
  disabled: { word: 'Switched off', tone: 'queued', active: false },
  delivers: { word: 'Delivers', tone: 'succeeded', active: false },
  failing: { word: 'Failing', tone: 'failed', active: false },
  unproven: { word: 'Nothing sent yet', tone: 'queued', active: false },
  pending: { word: 'Waiting', tone: 'queued', active: true },
  sent: { word: 'Sent', tone: 'succeeded', active: false },
  suppressed: { word: 'Held back', tone: 'paused', active: false },
  ready: { word: 'Ready', tone: 'succeeded', active: false },
  notloaded: { word: 'Cannot be used', tone: 'failed', active: false },
  unavailable: { word: 'Does not answer', tone: 'failed', active: false },
  denied: { word: 'Refused', tone: 'failed', active: false },
  unknown: { word: 'Unknown', tone: 'queued', active: false },
};

/** The states a filter offers, in the order of how much they ask of the reader. */
export const PIPELINE_STATES = [
  'failed',
  'retrying',
  'running',
  'queued',
  'succeeded',
  'cancelled',
  'skipped',
  'paused',
  'idle',
];

/** Of an alert to one channel. */
export const DELIVERY_STATES = ['failed', 'pending', 'suppressed', 'sent'];

/** What is known of a state; a word this version does not know is shown as it came. */
export function describeState(status) {
  if (status && Object.hasOwn(STATES, status)) return { status, ...STATES[status] };
  const word = status ? `Unknown (${status})` : STATES.unknown.word;
  return { ...STATES.unknown, status: 'unknown', word };
}

export function isActive(status) {
  return describeState(status).active;
}

/** A pipeline whose file cannot be read is broken, whatever its last run did; without one it is paused. */
export function pipelineState(pipeline) {
  const isBroken = pipeline.errors?.length > 0 && !pipeline.file_missing;
  return isBroken ? 'broken' : pipeline.status;
}

const TRIGGERS = {
  manual: 'Started by hand',
  schedule: 'Scheduled',
  webhook: 'Webhook',
  subscription: 'Subscription',
  sync: 'Connector sync',
  backfill: 'Backfill',
};

export function triggerWord(trigger) {
  return TRIGGERS[trigger] ?? trigger ?? '–';
}
