import { act, screen, waitFor } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openApp } from '../app.jsx';
import {
  barsOf,
  chartColumns,
  chartOf,
  chartSelection,
  decimalsOf,
} from '../../src/lib/candles.js';
import { datasets, repeatedTimes, twoTimes } from '../fixtures/data.js';
import { requests } from '../server.js';

// jsdom has no canvas: what the library is told stands in its place. Chromium draws in the tests of the pages.
const drawn = vi.hoisted(() => ({}));
vi.mock('lightweight-charts', () => ({
  CandlestickSeries: 'candles',
  createChart: (_box, options) => {
    Object.assign(drawn, { options, data: null, removed: false });
    return {
      addSeries: () => ({
        applyOptions: (more) => Object.assign(drawn, more),
        setData: (data) => Object.assign(drawn, { data }),
      }),
      applyOptions: () => {},
      subscribeCrosshairMove: (tell) => Object.assign(drawn, { point: tell }),
      timeScale: () => ({
        applyOptions: (more) => Object.assign(drawn, more),
        fitContent: () => Object.assign(drawn, { fitted: drawn.data.length }),
        resetTimeScale: () => Object.assign(drawn, { fitted: 'newest' }),
        subscribeVisibleLogicalRangeChange: (tell) => Object.assign(drawn, { scroll: tell }),
      }),
      remove: () => Object.assign(drawn, { removed: true }),
    };
  },
}));

const CHART = '/datasets/market.daily_prices?view=chart';
const columnsOf = (...pairs) => pairs.map(([name, type]) => ({ name, type }));
const PRICES = [
  ['Open', 'numeric(12,6)'],
  ['HIGH', 'real'],
  ['low', 'bigint'],
  ['close', 'double precision'],
];
const asked = () =>
  requests
    .filter(({ path }) => path.endsWith('/rows'))
    .map(({ query }) => Object.fromEntries(query));

const decimals = (...prices) => decimalsOf([{ cells: { prices } }]);

describe('bars of rows', () => {
  const { candles } = chartOf(columnsOf(['at', 'timestamp without time zone'], ...PRICES));

  it('are known by four names of any case and one time', () => {
    expect(candles).toMatchObject({ time: { name: 'at' }, open: 'Open', high: 'HIGH' });
    const mixed = columnsOf(['day', 'date'], ['open', 'text'], ...PRICES);
    expect(chartOf(mixed).candles).toMatchObject({ open: 'Open' });
  });

  it.each([
    [columnsOf(...PRICES), 'No column is a date'],
    [columnsOf(['day', 'time without time zone'], ...PRICES), 'No column is a date'],
    [columnsOf(['day', 'date'], ...PRICES.slice(1)), 'no column “open”'],
    [columnsOf(['day', 'date'], ['open', 'text'], ...PRICES.slice(1)), '“open” is text'],
    [columnsOf(['day', 'date'], ['open', 'real'], ...PRICES), '“open” and “Open” could both'],
  ])('say why there are none', (columns, why) => {
    const chart = chartOf(columns);
    expect(chart.candles).toBeNull();
    expect(chart.why).toContain(why);
  });

  it('are not looked for in a table of something else', () => {
    expect(chartOf(columnsOf(['day', 'date'], ['open', 'real'], ['close', 'real']))).toBeNull();
  });

  it('follow the time that is chosen where there are several', () => {
    const columns = columnsOf(['day', 'date'], ['at', 'timestamp with time zone'], ...PRICES);
    expect(chartOf(columns)).toMatchObject({ candles: null, why: null });
    expect(chartOf(columns).times.map(({ name }) => name)).toEqual(['day', 'at']);
    expect(chartOf(columns, 'gone').candles).toBeNull();
    expect(chartOf(columns, 'at').candles.time.name).toBe('at');
  });

  it('are asked for newest first, within bounds of their time only', () => {
    expect(chartSelection(candles, {})).toEqual({ order: '-at' });
    expect(chartSelection(candles, { order: 'at', from: '2020' })).toEqual({
      order: '-at',
      from: '2020',
    });
    expect(chartSelection(candles, { order: 'low', from: '3' })).toEqual({ order: '-at' });
    expect(chartColumns(candles)).toBe('at,Open,HIGH,low,close');
    expect(chartColumns({ ...candles, open: 'a,b' })).toBeUndefined();
  });

  it('stand oldest first, and leave out what is no whole bar', () => {
    const columns = columnsOf(
      ['close', 'real'],
      ['at', 'timestamp without time zone'],
      ...PRICES.slice(0, 3),
    );
    const page = (...rows) => ({ columns, rows });
    const { bars, left, repeated } = barsOf(
      [
        page([4, 'infinity', '1', 5, '0'], [4, '2024-03-01 12:00:01', '1.50', 5, '0']),
        page(
          [4, '2024-03-01 12:00:00', null, 5, '0'],
          ['NaN', '2024-02-29 00:00:00', '1', 5, '0'],
          [2, '2024-02-28 00:00:00', '1', 3, '0'],
        ),
      ],
      candles,
    );
    expect({ left, repeated }).toEqual({ left: 3, repeated: null });
    expect(bars.map(({ time, open, close }) => [time, open, close])).toEqual([
      [Date.UTC(2024, 1, 28) / 1000, 1, 2],
      [Date.UTC(2024, 2, 1, 12, 0, 1) / 1000, 1.5, 4],
    ]);
    expect(bars[1].cells.prices).toEqual(['1.50', '5', '0', '4']);
  });

  it('have as many decimals as their prices, without closing zeros', () => {
    expect(decimals('1', '2.5')).toBe(2);
    expect(decimals('1.104500', '2')).toBe(4);
    expect(decimals('0.12345678901')).toBe(8);
  });
});

describe('the chart of a dataset', () => {
  beforeEach(() => {
    for (const key of Object.keys(drawn)) delete drawn[key];
  });

  it('stands beside the rows, in the address', async () => {
    const { user, router } = openApp('/datasets/market.daily_prices');
    await user.click(await screen.findByRole('radio', { name: 'Chart' }));
    const text =
      'The newest 200 bars, 2001-02-26 to 2001-09-13. Prices from 1390.5 to 1530. Last close 1449.';
    expect(await screen.findByText(text)).toBeVisible();
    expect(
      screen.getByRole('img', { name: `Candles of market.daily_prices. ${text}` }),
    ).toBeVisible();
    expect(router.state.location.search).toMatchObject({ view: 'chart' });
    expect(asked().at(-1)).toEqual({
      order: '-date',
      columns: 'date,open,high,low,close',
      limit: '200',
    });
    expect(drawn.data).toHaveLength(200);
    expect(drawn.fitted).toBe('newest');
    expect(drawn.data.at(-1)).toEqual({
      time: Date.UTC(2001, 8, 13) / 1000,
      open: 1446.25,
      high: 1456.25,
      low: 1436.75,
      close: 1449,
    });
    await user.click(screen.getByRole('radio', { name: 'Rows' }));
    expect(await screen.findByRole('grid')).toBeVisible();
    expect(drawn.removed).toBe(true);
  });

  it('tells the library nothing that the policy refuses, and names its makers', async () => {
    openApp(CHART);
    const link = await screen.findByRole('link', { name: 'TradingView, Inc.' });
    expect(link).toHaveAttribute('href', 'https://www.tradingview.com/');
    expect(drawn.options.layout.attributionLogo).toBe(false);
  });

  it('loads older bars when one scrolls back to the oldest, once, until all are there', async () => {
    openApp(CHART, { rowTotal: 300 });
    await screen.findByText(/^The newest 200 bars/);
    act(() => drawn.scroll({ from: 50, to: 200 }));
    expect(asked()).toHaveLength(1);
    act(() => drawn.scroll({ from: 3, to: 150 }));
    act(() => drawn.scroll({ from: 2, to: 150 }));
    expect(await screen.findByText(/^300 bars, 2000-01-03 to/)).toBeVisible();
    expect(drawn.data).toHaveLength(300);
    expect(asked().map(({ cursor }) => cursor)).toEqual([undefined, '200']);
    act(() => drawn.scroll({ from: -5, to: 150 }));
    expect(asked()).toHaveLength(2);
  });

  it('is of the bars within bounds, and so is the export', async () => {
    openApp(`${CHART}&order=date&from=2000-02-01&to=2000-02-10`);
    expect(await screen.findByText(/^10 bars, 2000-02-01 to 2000-02-10/)).toBeVisible();
    expect(drawn.fitted).toBe(10);
    const { href } = screen.getByRole('link', { name: 'Export filtered rows as CSV' });
    expect(Object.fromEntries(new URL(href).searchParams)).toEqual({
      format: 'csv',
      order: '-date',
      from: '2000-02-01',
      to: '2000-02-10',
    });
    openApp(`${CHART}&order=date&from=2040-01-01`);
    expect(await screen.findByText('No rows within these bounds')).toBeVisible();
  });

  it('tells the bar under the pointer', async () => {
    openApp(CHART);
    await screen.findByText(/^The newest 200 bars/);
    expect(screen.getByText('2001-09-13')).toBeVisible();
    act(() => drawn.point({ logical: 0 }));
    expect(screen.getByText('2001-02-26')).toBeVisible();
    act(() => drawn.point({}));
    expect(screen.getByText('2001-09-13')).toBeVisible();
  });

  it('is not drawn of several rows of one time, and says so', async () => {
    openApp(CHART, { rowsPage: repeatedTimes });
    expect(await screen.findByText('No chart of these rows')).toBeVisible();
    expect(screen.getByText(/several rows of 2001-09-11/)).toBeVisible();
  });

  it('asks which time it follows where there are several, and has the answer in the address', async () => {
    const { user, router } = openApp(CHART, { datasets: [twoTimes] });
    expect(await screen.findByText('Which time do the bars follow?')).toBeVisible();
    expect(asked()).toEqual([]);
    await user.click(screen.getByRole('link', { name: 'date' }));
    expect(await screen.findByText(/^The newest 200 bars/)).toBeVisible();
    expect(router.state.location.search).toEqual({ view: 'chart', time: 'date' });
    expect(asked()[0]).toMatchObject({ order: '-date', columns: 'date,open,high,low,close' });
    await user.selectOptions(screen.getByLabelText('Bars by'), 'seen_at');
    await waitFor(() => expect(router.state.location.search.time).toBe('seen_at'));
    await user.selectOptions(await screen.findByLabelText('Bars by'), 'date');
    expect(await screen.findByText(/^The newest 200 bars/)).toBeVisible();
    await user.click(screen.getByRole('radio', { name: 'Rows' }));
    expect(await screen.findByRole('grid')).toBeVisible();
    expect(router.state.location.search).toEqual({ order: '-date', time: 'date' });
  });

  it('says why there is none', async () => {
    const columns = datasets[0].columns.filter(({ name }) => name !== 'low');
    openApp(CHART, { datasets: [{ ...datasets[0], columns }] });
    expect(await screen.findByText(/There is no column “low”/)).toBeVisible();
    expect(screen.getByRole('radio', { name: 'Rows' })).toBeVisible();
  });

  it('is not offered where columns are not those of bars', async () => {
    openApp('/datasets/market.currency_rates?view=chart', { datasets });
    expect(await screen.findByRole('grid')).toBeVisible();
    expect(screen.queryByRole('radio', { name: 'Chart' })).toBeNull();
  });
});
