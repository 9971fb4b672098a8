import { screen, within } from '@testing-library/react';
import { beforeAll, describe, expect, it } from 'vitest';
import { openApp } from '../app.jsx';
import { ago, datasets, problem, users } from '../fixtures/data.js';
import { boundInput, maySort } from '../../src/lib/selection.js';
import { requests } from '../server.js';

beforeAll(() => {
  // jsdom lays nothing out; the virtual list needs a window to fill.
  Object.defineProperty(HTMLElement.prototype, 'clientHeight', { value: 600 });
  Object.defineProperty(HTMLElement.prototype, 'clientWidth', { value: 1000 });
});

describe('the datasets', () => {
  it('lists tables with counts and who loaded them', async () => {
    openApp('/datasets');
    const row = within((await screen.findByText('market.daily_prices')).closest('tr'));
    expect(row.getByText('38,420')).toBeVisible();
    expect(screen.getByText('about 48,218,000')).toBeVisible();
    expect(row.getByRole('link', { name: 'sp500-daily' })).toHaveAttribute(
      'href',
      expect.stringMatching(/^\/pipelines\/sp500-daily\?run=/),
    );
    expect(row.getByRole('link', { name: 'market.daily_prices' })).toHaveAttribute(
      'href',
      '/datasets/market.daily_prices',
    );
  });

  it('says why a table was not counted', async () => {
    const view = { ...datasets[0], row_count: null, row_count_exact: false };
    openApp('/datasets', { datasets: [view] });
    const mark = await screen.findByText(/^not counted/);
    expect(mark).toHaveAttribute('title', expect.stringMatching(/views are not counted/));
    openApp('/datasets/market.daily_prices', { datasets: [view] });
    expect(await screen.findByText(/^rows not counted/)).toHaveAttribute('title', mark.title);
    expect(await screen.findByText('200 rows shown')).toBeVisible();
  });

  it('says what a dataset is, and why a table is none', async () => {
    const { user } = openApp('/datasets');
    expect(await screen.findByText(/^A dataset is a table that a load job/)).toBeVisible();
    const why = await screen.findByText(/^The host lists and serves the tables/);
    expect(why).not.toBeVisible();
    await user.click(screen.getByText('Why is a table not here?'));
    expect(why).toBeVisible();
  });

  it('finds a table by a column', async () => {
    const { user, router } = openApp('/datasets');
    await user.type(await screen.findByLabelText('Find a table or column'), 'currency');
    expect(await screen.findByText('1 of 2 datasets')).toBeVisible();
    expect(router.state.location.search.q).toBe('currency');
  });

  it('explains itself while there is none', async () => {
    openApp('/datasets', { datasets: [] });
    expect(await screen.findByText('Nothing loaded yet')).toBeVisible();
  });
});

const csv = () => screen.getByRole('link', { name: /CSV$/ });
const firstHead = () => document.querySelector('[role=columnheader] [data-cell="-1,0"]');
const rowsAsked = () =>
  requests
    .filter(({ path }) => path.endsWith('/rows'))
    .map(({ query }) => Object.fromEntries(query))
    .map(({ limit: _limit, ...query }) => query);

describe('bounds of a column', () => {
  it('are typed by its type, times in UTC', () => {
    expect(boundInput('date').attributes.type).toBe('date');
    expect(boundInput('bigint').attributes).toEqual({ type: 'text', inputMode: 'decimal' });
    expect(boundInput('numeric(18,6)').attributes.inputMode).toBe('decimal');
    expect(boundInput('uuid').attributes).toEqual({ type: 'text' });
    expect(boundInput(undefined).attributes).toEqual({ type: 'text' });
    const time = boundInput('timestamp with time zone');
    expect(time).toMatchObject({ zone: 'UTC', attributes: { type: 'datetime-local' } });
    expect(time.sent('2024-03-01T12:00')).toBe('2024-03-01T12:00Z');
    expect(time.shown('2024-03-01T12:00Z')).toBe('2024-03-01T12:00');
    expect(time.sent('yesterday')).toBe('yesterday');
    expect(boundInput('timestamp without time zone').sent('2024-03-01T12:00')).toBe(
      '2024-03-01T12:00',
    );
  });

  it('are shown as text where a date input would hide them', () => {
    expect(boundInput('date', '2024-03-01').attributes.type).toBe('date');
    expect(boundInput('date', 'soon').attributes.type).toBe('text');
  });

  it('belong to columns that have an order', () => {
    expect(['date', 'jsonb', 'text[]', 'numeric(3,1)'].every(maySort)).toBe(true);
    expect(['json', 'xml', 'point', 'json[]'].some(maySort)).toBe(false);
  });
});

describe('a dataset', () => {
  it('is exported whole, by whoever may read rows', async () => {
    openApp('/datasets/market.daily_prices');
    expect(await screen.findByRole('link', { name: 'Export as CSV' })).toHaveAttribute(
      'href',
      '/api/v1/datasets/market.daily_prices/export?format=csv',
    );
    expect(screen.getByRole('link', { name: 'Export as JSON lines' })).toHaveAttribute('download');
  });

  it('shows rows exactly: 64-bit numbers whole, null told from empty', async () => {
    openApp('/datasets/market.daily_prices');
    const grid = await screen.findByRole('grid', { name: 'Rows of market.daily_prices' });
    const first = await within(grid).findByText('9007199254740993');
    expect(first).toHaveClass('right');
    expect(within(grid).getAllByText('null')[0]).toHaveClass('null');
    expect(within(grid).getAllByRole('columnheader')).toHaveLength(9);
    expect(grid).toHaveAttribute('aria-rowcount', '-1');
    expect(within(grid).getAllByRole('row').length).toBeLessThan(60);
  });

  it('loads more by the cursor until all are shown', async () => {
    const { user } = openApp('/datasets/market.daily_prices', { rowTotal: 300 });
    expect(await screen.findByText('200 of 38,420 rows shown')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Load more rows' }));
    expect(await screen.findByText('All 300 rows shown')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Load more rows' })).toBeNull();
    const cursors = requests
      .filter(({ path }) => path.endsWith('/rows'))
      .map(({ query }) => query.get('cursor'));
    expect(cursors).toEqual([null, '200']);
    expect(screen.getByRole('grid')).toHaveAttribute('aria-rowcount', '301');
  });

  it('keeps the rows and offers to try again when more cannot be loaded', async () => {
    const { host, user } = openApp('/datasets/market.daily_prices', { rowTotal: 300 });
    await screen.findByText('200 of 38,420 rows shown');
    host.fail = (_method, path) =>
      path.endsWith('/rows') ? { status: 503, body: problem(503, { title: 'Away' }) } : null;
    await user.click(screen.getByRole('button', { name: 'Load more rows' }));
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('Away');
    expect(screen.getByText('2000-01-03')).toBeVisible();
    expect(csv()).toBeVisible();
    host.fail = null;
    await user.click(within(alert).getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('All 300 rows shown')).toBeVisible();
  });

  it('tells of a later load and shows its rows only when asked', async () => {
    const { host, user, queryClient } = openApp('/datasets/market.daily_prices', { rowTotal: 100 });
    await screen.findByText('All 100 rows shown');
    host.rowTotal = 120;
    host.datasets = datasets.map((dataset) => ({ ...dataset, last_load_at: ago(0) }));
    await queryClient.refetchQueries({ queryKey: ['datasets'], exact: true });
    expect(await screen.findByText(/has been loaded again/)).toBeVisible();
    expect(screen.getByText('All 100 rows shown')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Show the new rows' }));
    expect(await screen.findByText('All 120 rows shown')).toBeVisible();
    expect(screen.queryByText(/has been loaded again/)).toBeNull();
  });

  it('is sorted by a column: ascending, descending, and back to its own order', async () => {
    const { user, router } = openApp('/datasets/market.daily_prices', { rowTotal: 300 });
    const grid = await screen.findByRole('grid');
    const head = () => within(grid).getByRole('columnheader', { name: /^volume/ });
    const press = () => user.click(within(head()).getByRole('button'));
    const least = '9007199254740993';
    const most = '9007199254741292';
    expect(head()).toHaveAttribute('aria-sort', 'none');
    expect(screen.getByText(/^The table’s own order/)).toBeVisible();

    await press();
    expect(await screen.findByText(/^Sorted by/)).toHaveTextContent('Sorted by volume, ascending');
    expect(head()).toHaveAttribute('aria-sort', 'ascending');
    await press();
    expect(await within(grid).findByText(most)).toBeVisible();
    expect(within(grid).queryByText(least)).toBeNull();
    expect(head()).toHaveAttribute('aria-sort', 'descending');
    expect(router.state.location.search).toEqual({ order: '-volume' });
    await press();
    expect(await within(grid).findByText(least)).toBeVisible();
    expect(router.state.location.search).toEqual({});
    expect(head()).toHaveAttribute('aria-sort', 'none');
    expect(rowsAsked()).toEqual([{}, { order: 'volume' }, { order: '-volume' }, {}]);
  });

  it('is sorted by keyboard, from the rows up, and stays where the keyboard is', async () => {
    const { user } = openApp('/datasets/market.daily_prices');
    (await screen.findByText('2000-01-03')).focus();
    await user.keyboard('{ArrowUp}');
    await expect.poll(() => document.activeElement).toBe(firstHead());
    await user.keyboard('{Enter}');
    await screen.findByText(/^Sorted by/);
    await user.keyboard('{Enter}');
    expect(await screen.findByText('2001-09-13')).toBeVisible();
    expect(document.activeElement).toBe(firstHead());
    expect(document.querySelectorAll('[role=grid] [tabindex="0"]')).toHaveLength(1);
    await user.keyboard('{ArrowDown}');
    await expect.poll(() => document.activeElement).toHaveTextContent('2001-09-13');
  });

  it('is narrowed to bounds, kept in the address and in the exports, and widened again', async () => {
    const { user, router } = openApp('/datasets/market.daily_prices?order=-date', {
      rowTotal: 300,
    });
    const from = await screen.findByLabelText('From');
    expect(from).toHaveAttribute('type', 'date');
    await expect.poll(csv).toHaveAttribute('href', expect.stringContaining('order=-date'));
    expect(csv()).toHaveTextContent('Export as CSV');

    await user.type(from, '2000-02-01');
    await user.type(screen.getByLabelText('To'), '2000-02-03');
    expect(rowsAsked()).toHaveLength(1);
    await user.click(screen.getByRole('button', { name: 'Apply' }));
    expect(await screen.findByText('All 3 rows within the bounds of date shown')).toBeVisible();
    const bounds = { order: '-date', from: '2000-02-01', to: '2000-02-03' };
    expect(router.state.location.search).toEqual(bounds);
    expect(rowsAsked().at(-1)).toEqual(bounds);
    expect(csv()).toHaveTextContent('Export filtered rows as CSV');
    const exported = new URL(csv().href).searchParams;
    expect(Object.fromEntries(exported)).toEqual({ format: 'csv', ...bounds });

    router.history.back();
    expect(await screen.findByText('200 of 38,420 rows shown')).toBeVisible();
    expect(screen.getByLabelText('From')).toHaveValue('');
    router.history.forward();
    await screen.findByText('All 3 rows within the bounds of date shown');
    expect(screen.getByLabelText('From')).toHaveValue('2000-02-01');
    await user.click(screen.getByRole('button', { name: 'Clear the bounds' }));
    expect(await screen.findByText('200 of 38,420 rows shown')).toBeVisible();
    expect(router.state.location.search).toEqual({ order: '-date' });
  });

  it('says that no row is within the bounds', async () => {
    const { user } = openApp('/datasets/market.daily_prices?order=open&from=9000');
    const state = (await screen.findByText('No rows within these bounds')).parentElement;
    expect(screen.getByLabelText('From')).toHaveAttribute('inputmode', 'decimal');
    await user.click(within(state).getByRole('button', { name: 'Clear the filter' }));
    expect(await screen.findByText('200 of 38,420 rows shown')).toBeVisible();
  });

  it('shows what the host says of a bound at its field, where it can be mended', async () => {
    const { user } = openApp('/datasets/market.daily_prices?order=date&to=2000-1x');
    const to = await screen.findByLabelText('To');
    await expect.poll(() => to.getAttribute('aria-invalid')).toBe('true');
    expect(to).toHaveValue('2000-1x');
    expect(to).toHaveAccessibleDescription('Invalid input syntax for type date: "2000-1x".');
    expect(screen.getByLabelText('From')).not.toHaveAttribute('aria-invalid', 'true');
    expect(screen.getByText('These bounds do not fit date')).toBeVisible();
    expect(screen.queryByRole('link', { name: /CSV$/ })).toBeNull();
    await user.clear(to);
    await user.type(to, '2000-01-04{Enter}');
    expect(await screen.findByText('All 2 rows within the bounds of date shown')).toBeVisible();
    expect(screen.getByRole('link', { name: /CSV$/ })).toBeVisible();
  });

  it('says that there is no such column to sort by', async () => {
    const { user, router } = openApp('/datasets/market.daily_prices?order=-none&from=1');
    expect(await screen.findByText('This table has no column “none”')).toBeVisible();
    expect(screen.queryByLabelText('From')).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Clear the filter' }));
    expect(await screen.findByText('200 of 38,420 rows shown')).toBeVisible();
    expect(router.state.location.search).toEqual({});
  });

  it('does not ask for bounds of no column', async () => {
    openApp('/datasets/market.daily_prices?from=2000-01-04');
    expect(await screen.findByText('200 of 38,420 rows shown')).toBeVisible();
    expect(rowsAsked()).toEqual([{}]);
  });

  it('is walked by keyboard from one tab stop', async () => {
    const { user } = openApp('/datasets/market.daily_prices');
    const cell = await screen.findByText('2000-01-03');
    expect(document.querySelectorAll('[role=gridcell][tabindex="0"]')).toHaveLength(1);
    cell.focus();
    await user.keyboard('{ArrowRight}{ArrowDown}');
    const target = document.querySelector('[data-cell="1,1"]');
    await screen.findByRole('grid');
    await expect.poll(() => document.activeElement).toBe(target);
    expect(target).toHaveAttribute('aria-colindex', '2');
  });

  it('says that a table has no rows, does not exist, or may not be seen', async () => {
    openApp('/datasets/market.daily_prices', { rowTotal: 0 });
    expect(await screen.findByText('This table has no rows')).toBeVisible();
    openApp('/datasets/no.such');
    expect(await screen.findByText('There is no dataset “no.such”.')).toBeVisible();
    openApp('/datasets/market.daily_prices', {
      user: users.viewer,
      fail: (_method, path) =>
        path.endsWith('/rows') ? { status: 403, body: problem(403, { title: 'No' }) } : null,
    });
    expect(await screen.findByText('Your role does not show rows')).toBeVisible();
  });
});
