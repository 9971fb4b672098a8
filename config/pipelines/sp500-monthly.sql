-- Bars by month out of market.sp500_daily, from the month of the parameter `since` on.
CREATE TABLE IF NOT EXISTS market.sp500_monthly (
    month    date PRIMARY KEY,
    open     numeric(12,6) NOT NULL,
    high     numeric(12,6) NOT NULL,
    low      numeric(12,6) NOT NULL,
    close    numeric(12,6) NOT NULL,
    volume   bigint NOT NULL,
    sessions integer NOT NULL
);

INSERT INTO market.sp500_monthly AS m (month, open, high, low, close, volume, sessions)
SELECT date_trunc('month', date)::date,
       (array_agg(open ORDER BY date))[1],
       max(high),
       min(low),
       (array_agg(close ORDER BY date DESC))[1],
       sum(volume)::bigint,
       count(*)::integer
FROM market.sp500_daily
WHERE date >= date_trunc('month', coalesce(${params.since}::date, date '1900-01-01'))
GROUP BY 1
ON CONFLICT (month) DO UPDATE
SET open = excluded.open,
    high = excluded.high,
    low = excluded.low,
    close = excluded.close,
    volume = excluded.volume,
    sessions = excluded.sessions;
