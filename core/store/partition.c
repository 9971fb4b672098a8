#include "store/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"

/* Of the advisory lock; any number that nobody else uses. */
#define LOCK_KEY "5260129372347"

enum {
    WEEKS_BEFORE = 1,
    WEEKS_AHEAD = 4,
    DAY_S = 86400,
    EPOCH_WEEKDAY = 3, /* 1970-01-01 was a Thursday, three days behind a Monday */
    NAME_BYTES = 64,
    BOUND_BYTES = 40,
    SUFFIX_DIGITS = 8,
};

static const struct hg_statement find_table = {
    "partition_find", "select to_regclass($1) is not null as found", 1};

static const struct hg_statement list_partitions = {
    "partition_list",
    "select i.inhrelid::regclass::text as name, right(c.relname, 8) as monday"
    " from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass",
    1};

static const struct hg_statement count_days = {
    "partition_days",
    "select (to_timestamp($1::bigint) at time zone 'UTC')::date - to_date($2, 'YYYYMMDD') as days",
    2};

/* Weeks since that of 1970-01-01; they begin on Monday. */
static int64_t week_of(int64_t now_us)
{
    int64_t day = now_us / 1000000 / DAY_S;
    return (day + EPOCH_WEEKDAY) / 7;
}

static int64_t monday_of(int64_t week)
{
    return week * 7 - EPOCH_WEEKDAY; /* days since 1970-01-01 */
}

/* The lowest id of a week. */
static void bound_of(int64_t week, char ret[BOUND_BYTES])
{
    uint64_t ms = (uint64_t)(monday_of(week) * DAY_S) * 1000;
    (void)snprintf(ret,
                   BOUND_BYTES,
                   "%08" PRIx64 "-%04" PRIx64 "-0000-0000-000000000000",
                   ms >> 16 & 0xFFFFFFFF,
                   ms & 0xFFFF);
}

static void name_of(const char *table, int64_t week, char ret[NAME_BYTES])
{
    char day[HG_TIME_TEXT];
    hg_time_format(monday_of(week) * DAY_S * 1000000, day);
    (void)snprintf(ret, NAME_BYTES, "%s_%.4s%.2s%.2s", table, day, day + 5, day + 8);
}

static int make_week(struct hg_db *db,
                     const struct hg_partitioned *table,
                     int64_t week,
                     struct hg_error *err)
{
    char sql[512];
    char name[NAME_BYTES];
    char from[BOUND_BYTES];
    char to[BOUND_BYTES];
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    name_of(table->table, week, name);
    const char *const params[] = {name};
    int r = hg_db_exec(db, &find_table, params, &result, err);
    if (r < 0 || hg_result_bool(result, 0, "found")) {
        return r;
    }
    bound_of(week, from);
    bound_of(week + 1, to);
    /* Attached, since creating it as a partition would lock out those who read the table. */
    (void)snprintf(sql,
                   sizeof sql,
                   "create table %s (like %s including all excluding identity)"
                   " with (fillfactor = %d);"
                   " alter table %s attach partition %s for values from ('%s') to ('%s')",
                   name,
                   table->table,
                   table->fillfactor,
                   table->table,
                   name,
                   from,
                   to);
    return hg_db_simple(db, sql, NULL, err);
}

static int drop_when_over(struct hg_db *db,
                          const struct hg_partitioned *table,
                          const char *name,
                          const char *monday,
                          int64_t now_us,
                          int *n_dropped,
                          struct hg_error *err)
{
    char now[24];
    char sql[NAME_BYTES + 32];
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    (void)snprintf(now, sizeof now, "%" PRId64, now_us / 1000000);
    const char *const params[] = {now, monday};
    int r = hg_db_exec(db, &count_days, params, &result, err);
    if (r < 0 || hg_result_int64(result, 0, "days", 0) - 7 < table->keep_days) {
        return r;
    }
    (void)snprintf(sql, sizeof sql, "drop table %s", name);
    r = hg_db_simple(db, sql, NULL, err);
    *n_dropped += r == HG_OK;
    return r;
}

static int drop_old(struct hg_db *db,
                    const struct hg_partitioned *table,
                    int64_t now_us,
                    int *n_dropped,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {table->table};
    int r = table->keep_days > 0 ? hg_db_exec(db, &list_partitions, params, &result, err) : HG_OK;
    for (int row = 0; r == HG_OK && result && row < PQntuples(result); row++) {
        const char *monday = hg_result_text(result, row, "monday");
        if (strspn(monday, "0123456789") == SUFFIX_DIGITS) {
            r = drop_when_over(
                db, table, hg_result_text(result, row, "name"), monday, now_us, n_dropped, err);
        }
    }
    return r;
}

static int keep(struct hg_db *db,
                const struct hg_partitioned *tables,
                size_t n,
                int64_t now_us,
                int *n_dropped,
                struct hg_error *err)
{
    int64_t week = week_of(now_us);
    int r = hg_db_simple(
        db,
        "begin; set local lock_timeout = '2s'; select pg_advisory_xact_lock(" LOCK_KEY ")",
        NULL,
        err);
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        for (int64_t w = week - WEEKS_BEFORE; r == HG_OK && w <= week + WEEKS_AHEAD; w++) {
            r = make_week(db, &tables[i], w, err);
        }
        r = r < 0 ? r : drop_old(db, &tables[i], now_us, n_dropped, err);
    }
    return r < 0 ? r : hg_db_commit(db, err);
}

int hg_partitions_keep(struct hg_db *db,
                       const struct hg_partitioned *tables,
                       size_t n,
                       int64_t now_us,
                       int *ret_n_dropped,
                       struct hg_error *err)
{
    int n_dropped = 0;
    int r = keep(db, tables, n, now_us, &n_dropped, err);
    if (r < 0) {
        hg_db_rollback(db);
        return r;
    }
    if (ret_n_dropped) {
        *ret_n_dropped = n_dropped;
    }
    return HG_OK;
}
