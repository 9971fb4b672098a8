-- How far the published monthly rate lies from the mean of the month's daily rates.
DROP TABLE IF EXISTS fx.monthly_against_daily;

CREATE TABLE fx.monthly_against_daily AS
SELECT m.month,
       count(d.date)::integer AS days,
       m.gbp AS gbp_published,
       avg(d.gbp) AS gbp_mean,
       m.jpy AS jpy_published,
       avg(d.jpy) AS jpy_mean,
       m.chf AS chf_published,
       avg(d.chf) AS chf_mean
FROM fx.monthly m
JOIN fx.daily d ON date_trunc('month', d.date) = m.month
GROUP BY m.month, m.gbp, m.jpy, m.chf;

ALTER TABLE fx.monthly_against_daily ADD PRIMARY KEY (month);
