/*
 * Loads in parts from the bundled sources: an attempt fails behind some of them, the next one goes
 * on behind the last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "fakes.h"
#include "plugin/module.h"
#include "scratch.h"

enum { ROWS = 60000, FILES = 3, BAD = 45001 };

static int64_t fence;
static char folder[HG_SCRATCH_BYTES];

static int find(void *arg,
                int kind,
                const char *id,
                const char *file,
                const char *sha256,
                const struct hg_plugin **ret,
                struct hg_error *err)
{
    const struct hg_module *module = NULL;
    (void)arg;
    int r = hg_module_open(file, sha256, &module, err);
    *ret = r < 0 ? NULL : hg_module_plugin(module, kind, id);
    return r < 0 ? r : *ret ? HG_OK : hg_error_set(err, HG_ENOTFOUND, "no plugin %s", id);
}

/* ---- the sources ---- */

/* ROWS rows of k from 1 and v = k / 7, in FILES files. */
static void write_files(const char *extension, void (*put)(struct hg_buf *text, int k))
{
    char path[128];
    struct hg_error err = HG_ERROR_INIT;
    for (int file = 0; file < FILES; file++) {
        HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
        for (int i = 0; i <= ROWS / FILES; i++) {
            put(&text, i == 0 ? 0 : file * (ROWS / FILES) + i);
        }
        (void)snprintf(path, sizeof path, "%s/%d.%s", folder, file, extension);
        assert_int_equal(hg_write_file(path, 0644, hg_buf_text(&text), text.len, &err), HG_OK);
    }
}

/* 0: what stands before the rows. */
static void put_csv(struct hg_buf *text, int k)
{
    if (k == 0) {
        hg_buf_puts(text, "k,v\n");
    } else {
        hg_buf_printf(text, "%d,%d\n", k, k / 7);
    }
}

static void put_json(struct hg_buf *text, int k)
{
    if (k > 0) {
        hg_buf_printf(text, "{\"k\": %d, \"v\": %d}\n", k, k / 7);
    }
}

static void make_csv(void)
{
    write_files("csv", put_csv);
}

static void make_jsonl(void)
{
    write_files("jsonl", put_json);
}

/* Of v there are seven rows each, so that parts end in the middle of equal ones. */
static void make_table(void)
{
    fake_sql(pg,
             "drop table if exists public.src; create table public.src as select k::bigint, (k / "
             "7)::bigint as v from"
             " generate_series(1, 60000) k; grant select on public.src to headgate");
}

static json_t *files(const char *pattern)
{
    return json_pack("{s:s, s:{s:s, s:s}, s:s}",
                     "path",
                     pattern,
                     "columns",
                     "k",
                     "int64",
                     "v",
                     "int64",
                     "files",
                     "new");
}

static json_t *csv_config(void)
{
    return files("*.csv");
}

static json_t *jsonl_config(void)
{
    return files("*.jsonl");
}

static json_t *table_config(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s]}",
                     "host",
                     hg_test_pg_folder(pg),
                     "dbname",
                     "warehouse",
                     "user",
                     "headgate",
                     "table",
                     "public.src",
                     "cursor",
                     "v",
                     "key",
                     "k");
}

static const struct source {
    const char *plugin;
    void (*make)(void);
    json_t *(*config)(void);
} sources[] = {
    {"csv", make_csv, csv_config},
    {"jsonl", make_jsonl, jsonl_config},
    {"postgres", make_table, table_config},
};

/* ---- attempts ---- */

static int attempt(const struct source *source,
                   const char *run_id,
                   const char *mode,
                   struct hg_error *err)
{
    static const struct hg_flow_plugins plugins = {NULL, find};
    char file[512];
    json_t *result = NULL;
    const char *plugin_folder = getenv("HG_PLUGIN_DIR");
    const struct fake_task task = {.run_id = run_id,
                                   .table = "m.t",
                                   .mode = mode,
                                   .key = strcmp(mode, "merge") == 0 ? "[\"k\"]" : NULL,
                                   .fence = ++fence};
    HG_CLEANUP(hg_json_decrefp) json_t *json = fake_task_json(pg, &task);
    (void)snprintf(
        file, sizeof file, "%s/%s.so", plugin_folder ? plugin_folder : ".", source->plugin);
    json_object_set_new(json, "checkpoint_ms", json_integer(1));
    json_object_set_new(json, "base_folder", json_string(folder));
    json_object_set_new(json,
                        "extract",
                        json_pack("{s:s, s:s, s:s, s:o}",
                                  "job",
                                  "fetch",
                                  "plugin",
                                  source->plugin,
                                  "plugin_file",
                                  file,
                                  "config",
                                  source->config()));
    int r = fake_run_with(json, &plugins, NULL, &result, err);
    json_decref(result);
    return r;
}

#define LANDED "select count(*) || ' ' || count(distinct k) || ' ' || sum(v) from m.t"
#define COUNTED                                                                              \
    "select sum(rows_extracted) || ' ' || sum(rows_loaded) || ' ' || count(*) filter (where" \
    " final) from headgate.ledger"

static void fail_and_go_on(const struct source *source, const char *mode)
{
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char sql[512];
    assert_int_equal(hg_uuid_new(run_id, &err), HG_OK);
    source->make();
    (void)snprintf(sql,
                   sizeof sql,
                   "create schema m authorization headgate_user; create table m.t (k bigint"
                   " primary key, v bigint, constraint bad check (k <> %d)); alter table m.t owner"
                   " to headgate_user",
                   BAD);
    fake_sql(pg, sql);
    int r = attempt(source, run_id, mode, &err);
    if (r != HG_EDATA) {
        fail_msg("%s %s: %d %s (%s)", source->plugin, mode, r, err.message, err.hint);
    }
    /* Something was committed, and just what the ledger says. */
    assert_query(pg,
                 "select count(*) > 0 and sum(rows_loaded) = (select count(*) from m.t) and not"
                 " bool_or(final) from headgate.ledger",
                 "t");
    assert_query(pg, "select count(*) < 60000 from m.t", "t");
    fake_sql(pg, "alter table m.t drop constraint bad");
    r = attempt(source, run_id, mode, &err);
    if (r != HG_OK) {
        fail_msg("%s %s: %d %s (%s)", source->plugin, mode, r, err.message, err.hint);
    }
    assert_query(pg, LANDED, "60000 60000 257121429");
    assert_query(pg, COUNTED, "60000 60000 1");
    assert_non_null(strstr(heard.log, "goes on behind them"));
    /* And a new run has nothing to do. */
    assert_int_equal(hg_uuid_new(run_id, &err), HG_OK);
    assert_int_equal(attempt(source, run_id, mode, &err), HG_OK);
    assert_query(pg, LANDED, "60000 60000 257121429");
}

static void test_sources_go_on(void **state)
{
    static const char *const modes[] = {"append", "merge"};
    for (size_t i = 0; i < HG_COUNT(sources) * HG_COUNT(modes); i++) {
        fail_and_go_on(&sources[i / HG_COUNT(modes)], modes[i % HG_COUNT(modes)]);
        assert_int_equal(reset(state), 0);
    }
}

static int start(void **state)
{
    return hg_scratch_make("resume", folder) == 0 ? start_pg(state) : -1;
}

static int stop(void **state)
{
    char path[128];
    for (int file = 0; file < FILES; file++) {
        (void)snprintf(path, sizeof path, "%s/%d.csv", folder, file);
        (void)remove(path);
        (void)snprintf(path, sizeof path, "%s/%d.jsonl", folder, file);
        (void)remove(path);
    }
    (void)remove(folder);
    return stop_pg(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sources_go_on, reset),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
