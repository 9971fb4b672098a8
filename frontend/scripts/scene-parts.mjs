import { problem } from '../test/fixtures/data.js';

export const away = {
  status: 500,
  body: problem(500, {
    title: 'The database did not answer',
    detail: 'The metadata database closed the connection while the list was read.',
    hint: 'Try again. If it stays so, look for the request id in the log of the host.',
  }),
};
export const only = (pattern, failure) => (method, path) => (pattern.test(path) ? failure : null);
export const LONG_WORD = 'a'.repeat(120);
