import { isNumericType } from './columns.js';

/** Price bars in a dataset: which columns they are, and what is drawn of its rows. */

const PRICES = ['open', 'high', 'low', 'close'];
const TIMES = /^(date$|timestamp)/;

/** With so many of the prices' names among its columns a table is taken for one of price bars. */
const ALIKE = 3;

/**
 * What a chart of these columns would be: null where they are not those of price bars, else
 * `{times, candles, why}`. `times` are the columns of a date or time, as `{name, type}`, one of which
 * the bars follow: the only one, or the one named `wanted`. `candles` are the columns of a bar,
 * `{time: {name, type}, open, high, low, close}` with names (of any case), or null, while no time is
 * chosen or because of `why`, a text.
 */
export function chartOf(columns, wanted) {
  const named = PRICES.map((word) => columns.filter(({ name }) => name.toLowerCase() === word));
  if (named.filter((found) => found.length > 0).length < ALIKE) return null;
  const times = columns.filter(({ type }) => TIMES.test(type));
  const numbers = named.map((found) => found.filter(({ type }) => isNumericType(type)));
  const why = whyNone(named, numbers, times);
  const time = times.length === 1 ? times[0] : times.find(({ name }) => name === wanted);
  if (why || !time) return { times, candles: null, why };
  const [open, high, low, close] = numbers.map(([{ name }]) => name);
  return { times, candles: { time, open, high, low, close }, why: null };
}

function whyNone(named, numbers, times) {
  for (const [at, word] of PRICES.entries()) {
    const [first] = named[at];
    if (!first) return `There is no column “${word}”.`;
    if (numbers[at].length === 0)
      return `“${first.name}” is ${first.type}, and prices are numbers.`;
    if (numbers[at].length > 1) {
      const names = numbers[at].map(({ name }) => `“${name}”`).join(' and ');
      return `${names} could both be the price “${word}”.`;
    }
  }
  return times.length === 0 ? 'No column is a date or a time.' : null;
}

/** What the chart asks for: the newest first, within the bounds of the time where such are set. */
export function chartSelection({ time }, selection) {
  const order = `-${time.name}`;
  const same = selection.order === order || selection.order === time.name;
  return same ? { ...selection, order } : { order };
}

/** `columns` of the API, which parts them with commas: all, where a name has one. */
export function chartColumns({ time, open, high, low, close }) {
  const names = [time.name, open, high, low, close];
  return names.some((name) => name.includes(',')) ? undefined : names.join(',');
}

/** Seconds since 1970 of a date or time; without a zone it is taken as UTC. NaN for infinity and BC. */
function secondsOf(text, type) {
  if (typeof text !== 'string') return NaN;
  if (type === 'date') return Date.parse(text) / 1000;
  const iso = text.replace(' ', 'T');
  return Math.floor(Date.parse(iso.endsWith('Z') ? iso : `${iso}Z`) / 1000);
}

const numberOf = (cell) => (cell === null || cell === '' ? NaN : Number(cell));

/**
 * The bars of pages that come newest first, as `{bars, left, repeated}`: bars oldest first, each with
 * `cells`, the texts that the host gave; how many rows had no whole bar; and the first time of which
 * there is more than one row, or null.
 */
export function barsOf(pages, candles) {
  const place = (wanted) => pages[0].columns.findIndex(({ name }) => name === wanted);
  const places = [candles.time.name, ...PRICES.map((word) => candles[word])].map(place);
  const bars = [];
  let left = 0;
  for (const row of pages.flatMap(({ rows }) => rows)) {
    const [timeCell, ...cells] = places.map((at) => row[at]);
    const time = secondsOf(timeCell, candles.time.type);
    const [open, high, low, close] = cells.map(numberOf);
    if (![time, open, high, low, close].every(Number.isFinite)) {
      left += 1;
    } else if (bars.at(-1)?.time === time) {
      return { bars: [], left, repeated: timeCell };
    } else {
      bars.push({
        time,
        open,
        high,
        low,
        close,
        cells: { time: timeCell, prices: cells.map(String) },
      });
    }
  }
  return { bars: bars.toReversed(), left, repeated: null };
}

const DECIMALS = { least: 2, most: 8 };

/** How many decimals the prices have, by the newest of them. */
export function decimalsOf(bars) {
  const texts = bars.slice(-50).flatMap(({ cells }) => cells.prices);
  const lengths = texts.map((text) => /\.(\d*?)0*$/.exec(text)?.[1].length ?? 0);
  return Math.min(DECIMALS.most, Math.max(DECIMALS.least, ...lengths));
}

/** The lowest and the highest price, as the host gave them. */
export function priceRange(bars) {
  let [lowest, highest] = [bars[0], bars[0]];
  for (const bar of bars) {
    if (bar.low < lowest.low) lowest = bar;
    if (bar.high > highest.high) highest = bar;
  }
  return [lowest.cells.prices[2], highest.cells.prices[1]];
}
