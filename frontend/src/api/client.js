import { noteAnswer, noteSilence } from './connection.js';

const BASE = '/api/v1';
const TIMEOUT_MS = 30_000;

/**
 * A request that did not succeed: either the host answered with a problem document (RFC 9457), or
 * it did not answer at all (`status` 0).
 */
export class ApiError extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail ?? null;
    this.hint = problem.hint ?? null;
    this.requestId = problem.request_id ?? null;
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
    this.runId = problem.run_id ?? null;
    this.retryAfterSeconds = problem.retryAfterSeconds ?? null;
  }

  get unreachable() {
    return this.status === 0;
  }
}

/** The statuses that a proxy or the host gives while Headgate itself cannot answer. */
const AWAY = new Set([502, 503, 504]);

/**
 * Sends one request to the host's API and gives the parsed answer, null for an empty one.
 * Throws ApiError; an aborted request throws the abort reason as fetch does.
 */
export async function request(path, options) {
  return (await requestTagged(path, options)).body;
}

/** The same as `{body, etag}`, for what is changed with If-Match. */
export async function requestTagged(path, { method = 'GET', query, body, signal, headers } = {}) {
  const response = await send(BASE + path + queryText(query), {
    method,
    headers: {
      Accept: 'application/json',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: withTimeout(signal),
    credentials: 'same-origin',
    cache: 'no-store',
  });
  const parsed = await parse(response);
  if (AWAY.has(response.status)) noteSilence();
  else noteAnswer();
  if (response.ok) return { body: parsed, etag: response.headers.get('ETag') };
  throw problemOf(response, parsed);
}

function queryText(query) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') params.append(key, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

function withTimeout(signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    noteSilence();
    throw unreachable(cause);
  }
}

function unreachable(cause) {
  const slow = cause.name === 'TimeoutError';
  return new ApiError({
    status: 0,
    title: slow ? 'Headgate took too long to answer' : 'Headgate does not answer',
    detail: slow
      ? `There was no answer within ${TIMEOUT_MS / 1000} seconds.`
      : 'The request did not reach the host, or its answer was lost.',
    hint: 'Check that the host is running and that this computer reaches it.',
  });
}

async function parse(response) {
  const text = await response.text();
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf(response, parsed) {
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  const known = parsed && typeof parsed === 'object' ? parsed : {};
  return new ApiError({
    ...known,
    status: response.status,
    title: known.title ?? `The host answered ${response.status} ${response.statusText}`.trim(),
    request_id: known.request_id ?? response.headers.get('X-Request-Id'),
    retryAfterSeconds: Number.isNaN(seconds) ? null : seconds,
  });
}
