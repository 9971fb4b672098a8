import { useComputedColorScheme } from '@mantine/core';
import { CandlestickSeries, createChart } from 'lightweight-charts';
import { useEffect, useMemo, useRef, useState } from 'react';
import { barsOf, decimalsOf, priceRange } from '../../lib/candles.js';
import { formatAbsolute, formatAmount } from '../../lib/format.js';
import { EmptyState } from '../../ui/notices.jsx';
import { LoadMore } from '../tables/LoadMore.jsx';
import classes from './Candles.module.css';

/** Older bars are asked for when the view comes this near to the oldest one. */
const NEAR_THE_END = 10;
const WIDEST_BAR_PX = 40;

/** A candlestick chart of loaded rows, newest first; older ones come as one scrolls back to them. */
export default function Candles({ name, query, pages, candles }) {
  const { bars, left, repeated } = useMemo(() => barsOf(pages, candles), [pages, candles]);
  if (repeated !== null) {
    return (
      <EmptyState title="No chart of these rows">
        There are several rows of {repeated}. A candle is drawn of one row for each{' '}
        <strong>{candles.time.name}</strong>; the rows themselves are in the other view.
      </EmptyState>
    );
  }
  if (bars.length === 0) {
    return (
      <EmptyState title="No bars to draw">
        None of the loaded rows has all of {candles.time.name}, {candles.open}, {candles.high},{' '}
        {candles.low} and {candles.close}.
      </EmptyState>
    );
  }
  return (
    <>
      <Chart name={name} query={query} newest={pages[0]} bars={bars} type={candles.time.type} />
      <div className={classes.foot}>
        <LoadMore query={query} label="Load older bars" inline />
        {left > 0 && <span>{formatAmount(left, 'row')} without a whole bar left out</span>}
        <span className={classes.notice}>
          TradingView Lightweight Charts™, © 2025{' '}
          <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">
            TradingView, Inc.
          </a>
        </span>
      </div>
    </>
  );
}

function timeText(bar, type) {
  const { time } = bar.cells;
  return type.endsWith('with time zone') ? formatAbsolute(time, 'UTC') : time;
}

function Chart({ name, query, newest, bars, type }) {
  const box = useRef(null);
  const [at, setAt] = useState(null);
  useDrawing({ box, newest, bars, type, query, onPoint: setAt });
  const last = bars.at(-1);
  const [lowest, highest] = priceRange(bars);
  const amount = formatAmount(bars.length, 'bar');
  const summary =
    `${query.hasNextPage ? 'The newest ' : ''}${amount}, ${timeText(bars[0], type)} to ` +
    `${timeText(last, type)}. Prices from ${lowest} to ${highest}. ` +
    `Last close ${last.cells.prices[3]}.`;
  return (
    <>
      <p className={`${classes.summary} numeric`} role="status">
        {summary}
      </p>
      <Legend bar={(at !== null && bars[at]) || last} type={type} />
      <div
        ref={box}
        className={classes.chart}
        role="img"
        aria-label={`Candles of ${name}. ${summary}`}
      />
    </>
  );
}

/** The bar under the pointer, else the last one. Said to nobody: the summary stands for it. */
function Legend({ bar, type }) {
  return (
    <div className={`${classes.legend} numeric`} aria-hidden="true">
      <span>{timeText(bar, type)}</span>
      {['Open', 'High', 'Low', 'Close'].map((word, index) => (
        <span key={word}>
          {word} <strong>{bar.cells.prices[index]}</strong>
        </span>
      ))}
    </div>
  );
}

/** The library draws on a canvas, to which the tokens have to be told. */
function coloursOf(element) {
  const style = window.getComputedStyle(element);
  const token = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    chart: {
      layout: {
        background: { color: token('surface') },
        textColor: token('text-2'),
        // Its own mark comes with a style element, which the policy refuses; the foot has it.
        attributionLogo: false,
        fontFamily: style.fontFamily,
        fontSize: 12,
      },
      grid: { vertLines: { color: token('line') }, horzLines: { color: token('line') } },
      rightPriceScale: { borderColor: token('line-2') },
      timeScale: { borderColor: token('line-2') },
      crosshair: {
        vertLine: { color: token('line-strong'), labelBackgroundColor: token('brand') },
        horzLine: { color: token('line-strong'), labelBackgroundColor: token('brand') },
      },
    },
    // Rising bars are hollow and falling ones full, so that colour is not all there is.
    series: {
      upColor: token('surface'),
      borderUpColor: token('state-succeeded'),
      wickUpColor: token('state-succeeded'),
      downColor: token('state-failed'),
      borderDownColor: token('state-failed'),
      wickDownColor: token('state-failed'),
      priceLineColor: token('line-strong'),
    },
  };
}

/** Keeps the library's chart in the box in step with the bars, the theme and the query. */
function useDrawing({ box, newest, bars, type, query, onPoint }) {
  const drawing = useRef(null);
  const latest = useRef(null);
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const timed = type !== 'date';

  useEffect(() => {
    latest.current = { query, onPoint, count: bars.length };
  });

  useEffect(() => {
    const chart = createChart(box.current, {
      ...coloursOf(box.current).chart,
      autoSize: true,
      localization: { locale: 'en', dateFormat: 'yyyy-MM-dd' },
      timeScale: { maxBarSpacing: WIDEST_BAR_PX },
      handleScroll: { vertTouchDrag: false },
    });
    const series = chart.addSeries(CandlestickSeries);
    chart.subscribeCrosshairMove(({ logical }) => {
      const { onPoint: tell, count } = latest.current;
      tell(logical >= 0 && logical < count ? logical : null);
    });
    chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      const { hasNextPage, isFetching, isError, fetchNextPage } = latest.current.query;
      if (range && range.from < NEAR_THE_END && hasNextPage && !isFetching && !isError) {
        // Scrolling tells of every step: one that is under way is not begun anew.
        fetchNextPage({ cancelRefetch: false });
      }
    });
    drawing.current = { chart, series, scheme: null, newest: null };
    return () => {
      drawing.current = null;
      chart.remove();
    };
  }, [box]);

  useEffect(() => {
    if (drawing.current.scheme === scheme) return;
    const colours = coloursOf(box.current);
    drawing.current.scheme = scheme;
    drawing.current.chart.applyOptions(colours.chart);
    drawing.current.series.applyOptions(colours.series);
  }, [box, scheme]);

  useEffect(() => {
    const precision = decimalsOf(bars);
    drawing.current.series.applyOptions({
      priceFormat: { type: 'price', precision, minMove: 10 ** -precision },
    });
    drawing.current.chart.timeScale().applyOptions({ timeVisible: timed });
    drawing.current.series.setData(
      bars.map(({ time, open, high, low, close }) => ({ time, open, high, low, close })),
    );
    if (drawing.current.newest === newest) return;
    // Other bars than before: all of them where they are few, else the newest.
    drawing.current.newest = newest;
    const timeScale = drawing.current.chart.timeScale();
    if (latest.current.query.hasNextPage) timeScale.resetTimeScale();
    else timeScale.fitContent();
  }, [newest, bars, timed]);
}
