import { screen, within } from '@testing-library/react';
import { beforeAll, describe, expect, it } from 'vitest';
import { openApp } from '../app.jsx';
import { ago, datasets, problem, users } from '../fixtures/data.js';
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
