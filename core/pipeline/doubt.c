#include "pipeline/doubt.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/time.h"
#include "pipeline/state.h"
#include "store/pool.h"

enum { KEEP_EVERY_S = 300, NUMBER_TEXT = 24 };

#define US(time) "coalesce((extract(epoch from " time ") * 1000000)::bigint, 0)"

static const struct hg_statement look = {
    "clock_look",
    "select " US("clock_timestamp()") " as now_us, " US(
        "own.seen_at") " as own_seen_us,"
                       " " US("own.set_at") " as own_set_us, " US(
                           "db.seen_at") " as db_seen_us,"
                                         " " US("db.set_at") " as db_set_us from (select) one"
                                                             " left join clock_seen own on "
                                                             "own.name = $1 left join clock_seen "
                                                             "db on db.name = ''",
    1};

static const struct hg_statement keep = {
    "clock_keep",
    "insert into clock_seen (name, seen_at, set_at) select name, to_timestamp(seen / 1e6),"
    " case when was_set > 0 then to_timestamp(was_set / 1e6) end"
    " from (values ($1, $2::bigint, $3::bigint), ('', $4::bigint, $5::bigint)) c (name, seen, "
    "was_set)"
    " on conflict (name) do update set seen_at = excluded.seen_at, set_at = excluded.set_at",
    5};

static int keep_times(struct hg_pipelines *service,
                      struct hg_db *db,
                      const struct hg_doubt *doubt,
                      int64_t own_us,
                      int64_t database_us,
                      int64_t steady_us,
                      struct hg_error *err)
{
    const int64_t times[] = {own_us,
                             hg_clock_last_set(&doubt->own, own_us, steady_us),
                             database_us,
                             hg_clock_last_set(&doubt->of_database, database_us, steady_us)};
    char texts[HG_COUNT(times)][NUMBER_TEXT];
    const char *params[HG_COUNT(times) + 1] = {service->options.host};
    for (size_t i = 0; i < HG_COUNT(times); i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%" PRId64, times[i]);
        params[i + 1] = texts[i];
    }
    return hg_db_exec(db, &keep, params, NULL, err);
}

int hg_doubt_look(struct hg_pipelines *service,
                  struct hg_doubt *doubt,
                  bool *ret,
                  bool *ret_is_new,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {service->options.host};
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &look, params, &result, err);
    if (r < 0) {
        return r;
    }
    int64_t own_us = hg_time_now_us();
    int64_t database_us = hg_result_int64(result, 0, "now_us", own_us);
    int64_t steady_us = hg_clock_steady_us();
    int64_t set_us = hg_clock_correction(&doubt->own, own_us, steady_us) |
                     hg_clock_correction(&doubt->of_database, database_us, steady_us);
    if (!doubt->is_recalled) {
        hg_clock_recall(&doubt->own,
                        hg_result_int64(result, 0, "own_seen_us", 0),
                        hg_result_int64(result, 0, "own_set_us", 0),
                        own_us,
                        steady_us);
        hg_clock_recall(&doubt->of_database,
                        hg_result_int64(result, 0, "db_seen_us", 0),
                        hg_result_int64(result, 0, "db_set_us", 0),
                        database_us,
                        steady_us);
    }
    *ret = hg_clock_is_doubtful(&doubt->own, steady_us) ||
           hg_clock_is_doubtful(&doubt->of_database, steady_us);
    doubt->is_new |= set_us != 0 || (*ret && !doubt->is_told);
    doubt->is_told = *ret;
    if (!doubt->is_recalled || doubt->is_new || steady_us >= doubt->write_at_us) {
        r = keep_times(service, db, doubt, own_us, database_us, steady_us, err);
        doubt->write_at_us = r < 0 ? 0 : steady_us + KEEP_EVERY_S * INT64_C(1000000);
    }
    if (r < 0) {
        return r;
    }
    doubt->is_recalled = true;
    *ret_is_new = doubt->is_new;
    doubt->is_new = false;
    return HG_OK;
}
