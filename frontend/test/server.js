import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { answer } from './fixtures/answers.js';

/** Every request that reached the host in the running test: `{method, path, query, body, headers}`. */
export const requests = [];
let state = {};

/** Sets what the host answers in the running test; see fixtures/answers.js. */
export function hostIs(next = {}) {
  state = next;
  requests.length = 0;
  return state;
}

export const server = setupServer(
  http.all('*/api/v1/*', async ({ request }) => {
    const url = new URL(request.url);
    const text = await request.text();
    const seen = {
      method: request.method,
      path: url.pathname.slice('/api/v1'.length),
      query: url.searchParams,
      body: text ? JSON.parse(text) : null,
      headers: Object.fromEntries(request.headers),
    };
    requests.push(seen);
    if (state.silent) return HttpResponse.error();
    const waitMs = state.waits?.(seen.path);
    if (waitMs) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const { status, body, headers } = answer({ ...seen, state });
    if (body === null) return new HttpResponse(null, { status, headers });
    return HttpResponse.json(body, { status, headers });
  }),
);
