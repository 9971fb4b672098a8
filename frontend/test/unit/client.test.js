import { afterEach, describe, expect, it, vi } from 'vitest';
import { request } from '../../src/api/client.js';
import { connection, noteAnswer } from '../../src/api/connection.js';
import { createQueryClient, pipelinesQuery, sessionQuery } from '../../src/api/queries.js';
import { idempotencyKey } from '../../src/lib/key.js';
import { noteSession } from '../../src/lib/session.js';
import { problem } from '../fixtures/data.js';
import { hostIs, requests } from '../server.js';

afterEach(() => noteAnswer());

const failing = (status, fields, headers) => ({
  fail: () => ({ status, body: problem(status, fields), headers }),
});

describe('a request', () => {
  it('sends query and body, and leaves out what is empty', async () => {
    hostIs();
    await request('/datasets', { query: { limit: 5, cursor: undefined, q: '' } });
    expect(requests[0].query.toString()).toBe('limit=5');
    hostIs({ login: { status: 200, body: { user: null } } });
    await request('/auth/login', { method: 'POST', body: { username: 'a' } });
    expect(requests[0]).toMatchObject({ method: 'POST', body: { username: 'a' } });
  });

  it('gives null for an empty answer', async () => {
    hostIs();
    expect(await request('/auth/logout', { method: 'POST' })).toBeNull();
  });

  it('throws the problem whole', async () => {
    hostIs(
      failing(422, {
        title: 'Invalid',
        detail: 'why',
        hint: 'do this',
        errors: [{ pointer: '/params/from', detail: 'is missing' }],
      }),
    );
    await expect(request('/datasets')).rejects.toMatchObject({
      status: 422,
      title: 'Invalid',
      detail: 'why',
      hint: 'do this',
      requestId: 'req-7f3a2c',
      errors: [{ pointer: '/params/from', detail: 'is missing' }],
    });
  });

  it('reads Retry-After and an answer that is no problem document', async () => {
    hostIs(failing(503, { title: 'Away' }, { 'Retry-After': '7' }));
    await expect(request('/datasets')).rejects.toMatchObject({ retryAfterSeconds: 7 });
    hostIs({ fail: () => ({ status: 502, body: 'bad gateway' }) });
    await expect(request('/datasets')).rejects.toMatchObject({ status: 502, hint: null });
  });
});

describe('the connection', () => {
  it('is lost when the host is silent or away, and comes back with an answer', async () => {
    hostIs({ silent: true });
    await expect(request('/datasets')).rejects.toMatchObject({ status: 0, unreachable: true });
    expect(connection().answering).toBe(false);
    hostIs();
    await request('/datasets');
    expect(connection().answering).toBe(true);
    hostIs(failing(503, { title: 'Away' }));
    await expect(request('/datasets')).rejects.toThrow('Away');
    expect(connection().answering).toBe(false);
  });

  it('is not lost by a refusal', async () => {
    hostIs(failing(403, { title: 'Forbidden' }));
    await expect(request('/datasets')).rejects.toThrow('Forbidden');
    expect(connection().answering).toBe(true);
  });

  it('is not lost by a request that the page itself broke off', async () => {
    hostIs();
    await expect(request('/datasets', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(connection().answering).toBe(true);
  });
});

describe('queries', () => {
  it('follow the cursor of a list to its end', async () => {
    const pages = [
      { items: [{ id: 'a' }], next_cursor: 'two' },
      { items: [{ id: 'b' }], next_cursor: null },
    ];
    hostIs({ fail: () => ({ status: 200, body: pages.shift() }) });
    const items = await createQueryClient({ retry: 0 }).fetchQuery(pipelinesQuery);
    expect(items.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(requests[1].query.get('cursor')).toBe('two');
  });

  it('forget the session when a read is answered 401', async () => {
    const client = createQueryClient({ retry: 0 });
    noteSession({ username: 'admin' }); // else nobody asks who is signed in
    hostIs();
    await client.fetchQuery(sessionQuery);
    expect(client.getQueryData(sessionQuery.queryKey)).toMatchObject({ username: 'admin' });
    hostIs({ user: null });
    await expect(client.fetchQuery(pipelinesQuery)).rejects.toMatchObject({ status: 401 });
    expect(client.getQueryData(sessionQuery.queryKey)).toBeNull();
  });
});

it('makes a new key each time, without needing a secure page', () => {
  vi.spyOn(crypto, 'randomUUID').mockImplementation(() => {
    throw new Error('only on secure pages');
  });
  expect(idempotencyKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(idempotencyKey()).not.toBe(idempotencyKey());
});
