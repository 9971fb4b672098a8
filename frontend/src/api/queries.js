import {
  infiniteQueryOptions,
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { idempotencyKey } from '../lib/key.js';
import { maybeSignedIn, noteSession } from '../lib/session.js';
import { linesText } from '../lib/joblog.js';
import { isActive } from '../lib/status.js';
import { request, requestTagged } from './client.js';
import { isLive } from './live.js';

/**
 * How often the pages ask again: often while something runs, else seldom; and now and then while
 * they are told of changes, lest a message be lost.
 */
export const POLL_ACTIVE_MS = 1000;
export const POLL_IDLE_MS = 5000;
export const POLL_LIVE_MS = 30_000;
const LIST_LIMIT = 200; // of items at once: longer answers hold up others
const DATASETS_LIMIT = 100; // the host counts the rows of some on each page
const RUNS_PAGE = 25;
const ROWS_PAGE = 200;
const QUARANTINE_PAGE = 50;
const LOG_PAGE = 500;
const LOG_PAGES_AT_ONCE = 20;
const LOG_PAGES_KEPT = 20;

const SESSION_KEY = ['auth', 'me'];

function endSession(client) {
  noteSession(null);
  client.setQueryData(SESSION_KEY, null);
}

/** A client for which any answer 401 means that the session is over. */
export function createQueryClient({ retry = 1 } = {}) {
  const onError = (error) => {
    if (error.status === 401) endSession(client);
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        // The host is often on this very computer, where "offline" means nothing.
        networkMode: 'always',
        staleTime: 2000,
        retry: (failures, error) =>
          failures < retry && !(error.status >= 400 && error.status < 500),
        retryDelay: 500,
      },
      mutations: { networkMode: 'always', retry: 0 },
    },
  });
  return client;
}

/** Who is signed in: a user, or null. */
export const sessionQuery = queryOptions({
  queryKey: SESSION_KEY,
  queryFn: async ({ signal }) => {
    if (!maybeSignedIn()) return null;
    try {
      const { user } = await request('/auth/me', { signal });
      noteSession(user);
      return user;
    } catch (error) {
      if (error.status !== 401) throw error;
      noteSession(null);
      return null;
    }
  },
  staleTime: Infinity,
  refetchInterval: (query) => (query.state.status === 'error' ? POLL_IDLE_MS : false),
});

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (credentials) => request('/auth/login', { method: 'POST', body: credentials }),
    onSuccess: ({ user }) => {
      noteSession(user);
      client.setQueryData(SESSION_KEY, user);
    },
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      try {
        await request('/auth/logout', { method: 'POST' });
      } catch (error) {
        if (error.status !== 401) throw error;
      }
    },
    onSuccess: () => {
      endSession(client);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
    },
  });
}

/** All items of a list whose length is bounded by what a person configured. */
export async function everyItem(path, signal, query) {
  const items = [];
  let cursor;
  do {
    const page = await request(path, { query: { limit: LIST_LIMIT, ...query, cursor }, signal });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

function pages(queryKey, path, limit, query) {
  return {
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      request(path, { query: { ...query, limit, cursor: pageParam }, signal }),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  };
}

/** How long until something is asked for again that is, or is not, at work. */
export const pollWhile = (active) =>
  isLive() ? POLL_LIVE_MS : active ? POLL_ACTIVE_MS : POLL_IDLE_MS;

/** Polls one thing by its status, and stops asking for a thing that does not exist. */
const pollOne = ({ state }) =>
  state.error?.status === 404 ? false : pollWhile(isActive(state.data?.status));

export const pipelinesQuery = queryOptions({
  queryKey: ['ingestion', 'pipelines'],
  queryFn: ({ signal }) => everyItem('/ingestion/pipelines', signal),
  refetchInterval: ({ state }) => pollWhile(state.data?.some(({ status }) => isActive(status))),
});

export const pipelineQuery = (id) =>
  queryOptions({
    queryKey: ['ingestion', 'pipelines', id],
    queryFn: ({ signal }) => request(`/ingestion/pipelines/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: pollOne,
  });

export const runsQuery = (pipelineId) =>
  infiniteQueryOptions({
    ...pages(
      ['ingestion', 'pipelines', pipelineId, 'runs'],
      `/ingestion/pipelines/${encodeURIComponent(pipelineId)}/runs`,
      RUNS_PAGE,
    ),
    // A refresh asks for every page that is shown, so more pages are asked for less often.
    refetchInterval: ({ state }) => {
      const shown = state.data?.pages ?? [];
      const active = shown[0]?.items.some(({ status }) => isActive(status));
      return pollWhile(active) * Math.max(1, shown.length);
    },
  });

export const runQuery = (runId) =>
  queryOptions({
    queryKey: ['ingestion', 'runs', runId],
    queryFn: ({ signal }) => request(`/ingestion/runs/${encodeURIComponent(runId)}`, { signal }),
    refetchInterval: pollOne,
  });

/**
 * What stands below a thing that may still be at work. It is asked for again while that is so, and
 * once more when it is over (the key changes then), so that the end is never missed.
 */
function whileActive(active, options, intervalMs) {
  return {
    ...options,
    queryKey: [...options.queryKey, active ? 'growing' : 'whole'],
    placeholderData: keepPreviousData,
    refetchInterval: active ? intervalMs : false,
  };
}

const logPath = (runId, jobId) =>
  `/ingestion/runs/${encodeURIComponent(runId)}/jobs/${encodeURIComponent(jobId)}/logs`;

/** The pages of a log from a cursor to its end. */
async function* logPages(path, from, signal) {
  let cursor = from;
  do {
    const page = await request(path, { query: { limit: LOG_PAGE, cursor }, signal });
    yield { cursor, items: page.items, last: !page.next_cursor };
    cursor = page.next_cursor;
  } while (cursor);
}

/**
 * What is known of a log and what has come since. Only the last page can have grown, so that is
 * where it goes on from, up to LOG_PAGES_AT_ONCE; the oldest pages above LOG_PAGES_KEPT go.
 * `more`: the end was not reached; `dropped`: how many lines of the beginning are gone.
 */
async function growLog(path, known, signal) {
  const kept = known ? known.pages.slice(0, -1) : [];
  const fresh = [];
  for await (const page of logPages(path, known?.pages.at(-1).cursor, signal)) {
    fresh.push(page);
    if (fresh.length === LOG_PAGES_AT_ONCE) break;
  }
  const all = [...kept, ...fresh];
  const gone = all.splice(0, Math.max(0, all.length - LOG_PAGES_KEPT));
  return {
    pages: all,
    more: !fresh.at(-1).last,
    dropped: (known?.dropped ?? 0) + gone.reduce((sum, { items }) => sum + items.length, 0),
  };
}

/** A job's log as `{pages: [{cursor, items}], more, dropped}`, which follows its end. */
export const jobLogQuery = (runId, jobId, active) => {
  const path = logPath(runId, jobId);
  const key = ['ingestion', 'runs', runId, 'jobs', jobId, 'logs'];
  const options = whileActive(active, { queryKey: key }, POLL_ACTIVE_MS);
  return queryOptions({
    ...options,
    queryFn: ({ client, signal, queryKey }) => {
      const known = client.getQueryData(queryKey) ?? client.getQueryData([...key, 'growing']);
      return growLog(path, known, signal);
    },
  });
};

/** The whole log as texts, one for each page, for a file. */
export async function wholeJobLog(runId, jobId) {
  const texts = [];
  let before;
  for await (const { items } of logPages(logPath(runId, jobId))) {
    texts.push(linesText(items, before));
    before = items.at(-1)?.attempt;
  }
  return texts;
}

export const quarantineQuery = (pipelineId, runId, active) =>
  infiniteQueryOptions(
    whileActive(
      active,
      pages(
        ['ingestion', 'quarantine', pipelineId, runId],
        '/ingestion/quarantine',
        QUARANTINE_PAGE,
        { pipeline: pipelineId, run: runId },
      ),
      POLL_IDLE_MS,
    ),
  );

export const datasetsQuery = queryOptions({
  queryKey: ['datasets'],
  queryFn: ({ signal }) => everyItem('/datasets', signal, { limit: DATASETS_LIMIT }),
  refetchInterval: () => pollWhile(false),
});

/** All that is known of a dataset's rows. */
export const rowsKey = (dataset) => ['datasets', dataset, 'rows'];

/** Rows of a dataset as `{columns, order, from, to}` select them; all, in the table's own order, without. */
export const rowsQuery = (dataset, selection = {}) =>
  infiniteQueryOptions({
    ...pages(
      [...rowsKey(dataset), selection],
      `/datasets/${encodeURIComponent(dataset)}/rows`,
      ROWS_PAGE,
      selection,
    ),
    // Until others of the same table are there, the rows stay, and the keyboard in them.
    placeholderData: (before, query) =>
      query?.queryKey[1] === dataset && query.queryKey[3].columns === selection.columns
        ? before
        : undefined,
    // Rows are not asked for again by themselves (they would move under the reader), and are not
    // kept either: whoever comes back sees them fresh.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

function startRun(pipelineId, params) {
  return request(`/ingestion/pipelines/${encodeURIComponent(pipelineId)}/trigger`, {
    method: 'POST',
    body: Object.keys(params).length > 0 ? { params } : {},
    headers: { 'Idempotency-Key': idempotencyKey() },
  });
}

/** Starts a run with parameters. Gives `{run_id, status}`; 409 carries the run under way. */
export function useTrigger(pipelineId) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (params) => startRun(pipelineId, params),
    onSettled: () => client.invalidateQueries({ queryKey: ['ingestion', 'pipelines'] }),
  });
}

/** The same of any pipeline, by id, without parameters. */
export function useTriggerAny() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (pipelineId) => startRun(pipelineId, {}),
    onSettled: () => client.invalidateQueries({ queryKey: ['ingestion', 'pipelines'] }),
  });
}

/** Does `action` ("cancel" or "retry") to a run. */
export function useRunAction(runId, action) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      request(`/ingestion/runs/${encodeURIComponent(runId)}/${action}`, {
        method: 'POST',
        body: {},
        headers: { 'Idempotency-Key': idempotencyKey() },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: ['ingestion'] }),
  });
}

/** The settings of a pipeline that the page may change, with the state they were read in. */
export const settingsQuery = (pipelineId) =>
  queryOptions({
    queryKey: ['ingestion', 'pipelines', pipelineId, 'settings'],
    queryFn: ({ signal }) =>
      requestTagged(`/ingestion/pipelines/${encodeURIComponent(pipelineId)}`, { signal }),
    // Read once: what a person is editing does not change under their hands.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

/** Changes settings, unless somebody else has since they were read (412). */
export function useChangeSettings(pipelineId) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ patch, etag }) =>
      requestTagged(`/ingestion/pipelines/${encodeURIComponent(pipelineId)}`, {
        method: 'PATCH',
        body: patch,
        headers: etag ? { 'If-Match': etag } : {},
      }),
    onSuccess: async (changed) => {
      client.setQueryData(settingsQuery(pipelineId).queryKey, changed);
      await client.invalidateQueries({ queryKey: pipelineQuery(pipelineId).queryKey, exact: true });
      await client.invalidateQueries({ queryKey: pipelinesQuery.queryKey, exact: true });
    },
  });
}
