/*
 * Pieces of SQL that give times in the form of the contract, so that there is one of it.
 */
#ifndef HG_STORE_SQL_TIME_H
#define HG_STORE_SQL_TIME_H

/* clang-format off */

/* A timestamptz as RFC 3339 in UTC with milliseconds. */
#define HG_SQL_TIME(x) "to_char((" x ") at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* Milliseconds from `a` to `b`, or until now. */
#define HG_SQL_MS(a, b) "(extract(epoch from (coalesce(" b ", now()) - " a ")) * 1000)::bigint"

/* clang-format on */

#endif
