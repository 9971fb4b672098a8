/*
 * A flow that is cut, whose tasks fail, are not run or come again as chance has it. However that
 * goes, each table holds the rows of the source up to some place, each once; and all of them once a
 * run was well.
 *
 *     fetch --+-- a (loads)
 *             +-- b (rejects rows without text) --+-- d (loads)
 *                                                 +-- e (loads)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "fakes.h"
#include "sql_model.h"

enum { SEEDS = 25, RUNS = 8, ROWS = 2000, BATCHES = 200, TASKS = 5, KEPT_RUNS = 3 };

static const struct random_column columns[] = {
    {.as = {.name = "n", .type = HG_TYPE_INT64, .nullable = true}, .natural = "bigint"},
    {.as = {.name = "v", .type = HG_TYPE_UTF8, .nullable = true}, .natural = "text"},
};

static const struct {
    const char *key;
    const char *reads;
    const char *readers; /* of the stage that it writes, or NULL: it loads */
} tasks[TASKS] = {
    {"fetch", NULL, "[\"a\", \"b\"]"},
    {"a", "fetch", NULL},
    {"b", "fetch", "[\"d\", \"e\"]"},
    {"d", "b", NULL},
    {"e", "b", NULL},
};
enum { FETCH, A, B, D, E };

struct trial {
    uint64_t seed;
    int run;
    const char *doing;
    struct hg_random random;
    PGconn *db;
    struct hg_flow_session session;
    bool replaces;
    int64_t fence;
    char run_ids[KEPT_RUNS][HG_UUID_TEXT]; /* the last ones, this run first */
    struct random_cell cells[2 * ROWS];
    int n_rows;
    int batches[BATCHES];
    int n_batches;
    int n_refused; /* late retries */
};

__attribute__((format(printf, 2, 3), noreturn)) static void broken(const struct trial *trial,
                                                                   const char *fmt,
                                                                   ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr,
                  "HG_SEED=%llu, run %d (%s%s): ",
                  (unsigned long long)trial->seed,
                  trial->run,
                  trial->doing,
                  trial->replaces ? ", replaces" : "");
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    fail();
    abort();
}

/* ---- tasks ---- */

static json_t *checks_of(int task)
{
    char file[512];
    if (task != B) {
        return json_array();
    }
    random_rule_file("not_null", file, sizeof file);
    return json_pack("[{s:s, s:[{s:s, s:s, s:{s:s}, s:s}]}]",
                     "job",
                     "b",
                     "rules",
                     "rule",
                     "not_null",
                     "plugin_file",
                     file,
                     "config",
                     "columns",
                     "v",
                     "on_fail",
                     "reject");
}

/* Half of the tables are merged into. */
static const char *mode_of(const struct trial *trial, int task)
{
    return trial->replaces ? "replace" : task % 2 ? "append" : "merge";
}

static void add_ends(const struct trial *trial, int task, json_t *form)
{
    char table[8];
    const char *mode = mode_of(trial, task);
    (void)snprintf(table, sizeof table, "m.%s", tasks[task].key);
    if (tasks[task].reads) {
        (void)json_object_set_new(form, "reads", json_string(tasks[task].reads));
    } else {
        (void)json_object_set_new(
            form,
            "extract",
            json_pack("{s:s, s:s, s:{}}", "job", "fetch", "plugin", "fake", "config"));
    }
    if (tasks[task].readers) {
        (void)json_object_set_new(form,
                                  "stage",
                                  json_pack("{s:o, s:s, s:b}",
                                            "readers",
                                            json_loads(tasks[task].readers, 0, NULL),
                                            "mode",
                                            trial->replaces ? "replace" : "append",
                                            "mixed",
                                            0));
    } else {
        (void)json_object_set_new(form,
                                  "load",
                                  json_pack("{s:s, s:s, s:s, s:[s]}",
                                            "job",
                                            tasks[task].key,
                                            "table",
                                            table,
                                            "mode",
                                            mode,
                                            "key",
                                            "n"));
    }
}

static int run_task(struct trial *trial, int task, const char *run_id, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    HG_CLEANUP(hg_json_decrefp)
    json_t *form = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:s, s:o}",
                             "kind",
                             "flow",
                             "pipeline_id",
                             "p",
                             "run_id",
                             run_id,
                             "task",
                             tasks[task].key,
                             "attempt",
                             1,
                             "fence",
                             (json_int_t)++trial->fence,
                             "warehouse",
                             hg_test_pg_worker(pg),
                             "base_folder",
                             "/tmp",
                             "checks",
                             checks_of(task));
    trial->doing = tasks[task].key;
    add_ends(trial, task, form);
    int r = random_run(form, &trial->session, &result, err);
    if (getenv("HG_SEED")) {
        (void)fprintf(
            stderr, "run %.36s: %s answers %d %s\n", run_id, tasks[task].key, r, err->message);
    }
    return r;
}

/* ---- what must be true ---- */

static void check_rows(const struct trial *trial, int task, bool all)
{
    char sql[1024];
    char place[64];
    static const char form[] =
        "select coalesce((select string_agg(d::text, ' ') from ((select '+', n, v from m.%s except"
        " all select '+', n, v from source where n <= %s and %s) union all (select '-', n, v from"
        " source where n <= %s and %s except all select '-', n, v from m.%s)) d), '')";
    const char *key = tasks[task].key;
    const char *which = task == A ? "true" : "v is not null";
    if (all) {
        (void)snprintf(place, sizeof place, "%d", trial->n_rows);
    } else {
        (void)snprintf(place, sizeof place, "coalesce((select max(n) from m.%s), -1)", key);
    }
    (void)snprintf(sql, sizeof sql, form, key, place, which, place, which, key);
    PGresult *result = model_query(trial->db, sql);
    if (PQgetvalue(result, 0, 0)[0]) {
        broken(trial, "m.%s, - is missing and + is too much: %s", key, PQgetvalue(result, 0, 0));
    }
    PQclear(result);
}

static void check_tables(const struct trial *trial, bool all)
{
    static const int loads[] = {A, D, E};
    for (size_t i = 0; i < HG_COUNT(loads); i++) {
        check_rows(trial, loads[i], all);
    }
}

/* ---- the source ---- */

static void put_source(const struct trial *trial, int from)
{
    struct hg_buf bufs[2] = {HG_BUF_INIT, HG_BUF_INIT};
    for (int row = from; row < trial->n_rows; row++) {
        const char *params[2];
        for (int c = 0; c < 2; c++) {
            params[c] = random_param(&columns[c], &trial->cells[2 * row + c], &bufs[c]);
        }
        PGresult *result = PQexecParams(trial->db,
                                        "insert into source values ($1::bigint, $2::text)",
                                        2,
                                        NULL,
                                        params,
                                        NULL,
                                        NULL,
                                        0);
        assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
        PQclear(result);
    }
    hg_buf_free(&bufs[0]);
    hg_buf_free(&bufs[1]);
}

/* More rows are there than were. */
static void grow_source(struct trial *trial)
{
    int from = trial->n_rows;
    int n_batches = hg_random_below(&trial->random, 4);
    for (int b = 0; b < n_batches; b++) {
        int n = hg_random_below(&trial->random, 40);
        trial->batches[trial->n_batches++] = n;
        for (int i = 0; i < n; i++, trial->n_rows++) {
            struct random_cell *cells = &trial->cells[2 * trial->n_rows];
            cells[0] = (struct random_cell){.number = trial->n_rows};
            random_value(&columns[1], (uint64_t)hg_random_below(&trial->random, 60), &cells[1]);
            cells[1].null = hg_random_chance(&trial->random, 15);
        }
    }
    put_source(trial, from);
    random_source = (struct random_source){.columns = columns,
                                           .n_columns = 2,
                                           .cells = trial->cells,
                                           .n_rows = trial->n_rows,
                                           .batches = trial->batches,
                                           .n_batches = trial->n_batches,
                                           .positions = trial->seed % 2,
                                           .noise = {trial->seed}};
}

/* ---- a run ---- */

/* What becomes of a task; true when it is done. */
static bool try_task(struct trial *trial, int task, bool well)
{
    struct hg_error err = HG_ERROR_INIT;
    int dice = well ? 99 : hg_random_below(&trial->random, 100);
    int r;
    if (dice < 20) {
        return false; /* it is not run */
    }
    if (dice < 45) {
        random_stopped = true;
        r = run_task(trial, task, trial->run_ids[0], &err);
        random_stopped = false;
        if (r != HG_ECANCELLED && r != HG_OK) { /* it may have been done before */
            broken(trial, "answer %d of a task that is cancelled: %s", r, err.message);
        }
        check_tables(trial, false);
        if (dice < 30) {
            return false;
        }
    }
    r = run_task(trial, task, trial->run_ids[0], &err);
    if (r == HG_OK && dice > 45 && dice < 60) {
        r = run_task(trial, task, trial->run_ids[0], &err); /* its end was not heard */
    }
    if (r != HG_OK) {
        broken(trial, "answer %d: %s (%s)", r, err.message, err.hint);
    }
    check_tables(trial, false);
    return true;
}

/* A source that is away, somewhere in what it has to give. */
static void fail_fetch(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    random_source.fail_at_batch = 1 + hg_random_below(&trial->random, trial->n_batches + 1);
    int r = run_task(trial, FETCH, trial->run_ids[0], &err);
    random_source.fail_at_batch = 0;
    if (r != HG_OK && r != HG_EUNAVAILABLE) {
        broken(trial, "answer %d of a source that is away: %s", r, err.message);
    }
    check_tables(trial, false);
}

/* Somebody retries a run that others have followed. What it finds may be gone. */
static void retry_late(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    int run = 1 + hg_random_below(&trial->random, KEPT_RUNS - 1);
    int task = A + hg_random_below(&trial->random, TASKS - A);
    if (trial->run_ids[run][0] == '\0') {
        return;
    }
    int r = run_task(trial, task, trial->run_ids[run], &err);
    if (r != HG_OK && r != HG_ENOTFOUND) {
        broken(trial, "answer %d of a late retry: %s (%s)", r, err.message, err.hint);
    }
    trial->n_refused += r == HG_ENOTFOUND;
    check_tables(trial, false);
}

static void run_once(struct trial *trial, bool well)
{
    bool b_first = hg_random_chance(&trial->random, 50);
    bool b_done = false;
    memmove(trial->run_ids[1], trial->run_ids[0], sizeof trial->run_ids - HG_UUID_TEXT);
    assert_int_equal(hg_uuid_new(trial->run_ids[0], NULL), HG_OK);
    grow_source(trial);
    if (!well && hg_random_chance(&trial->random, 20)) {
        fail_fetch(trial);
    }
    if (!try_task(trial, FETCH, well)) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        int task = (i == 0) == b_first ? B : A;
        bool done = try_task(trial, task, well);
        b_done |= task == B && done;
    }
    for (int task = D; b_done && task <= E; task++) {
        (void)try_task(trial, task, well);
    }
    if (!well && hg_random_chance(&trial->random, 40)) {
        retry_late(trial);
    }
}

static void check_nothing_is_staged(const struct trial *trial)
{
    int64_t n = model_number(trial->db,
                             "select (select count(*) from headgate.stage) + (select count(*) from"
                             " headgate.stage_reader) + (select count(*) from pg_tables where"
                             " schemaname = 'headgate_stage')");
    if (n > 0) {
        broken(trial, "stages are left");
    }
}

static void clear(const struct trial *trial)
{
    model_run(trial->db,
              "drop schema if exists m cascade; truncate headgate.ledger, headgate.ledger_head,"
              " headgate.cursor, headgate.quarantine, source; create schema m authorization"
              " headgate_user; create table m.a (n bigint, v text); create table m.d (n bigint"
              " primary key, v text); create table m.e (n bigint primary key, v text);"
              " alter table m.a owner to headgate_user; alter table m.d owner to headgate_user;"
              " alter table m.e owner to headgate_user");
}

static void try_seed(void *arg, uint64_t seed)
{
    struct trial *trial = arg;
    trial->seed = seed;
    trial->random.state = seed * 1000003;
    trial->replaces = hg_random_chance(&trial->random, 25);
    trial->fence = 0;
    trial->n_rows = 0;
    trial->n_batches = 0;
    memset(trial->run_ids, 0, sizeof trial->run_ids);
    clear(trial);
    int n = 1 + hg_random_below(&trial->random, RUNS);
    for (trial->run = 1; trial->run <= n; trial->run++) {
        run_once(trial, false);
    }
    run_once(trial, true);
    check_tables(trial, true);
    check_nothing_is_staged(trial);
}

static void test_cut_flows_lose_and_double_nothing(void **state)
{
    struct trial *trial = calloc(1, sizeof *trial);
    (void)state;
    fake_reset();
    trial->db = model_connect(hg_test_pg_warehouse(pg));
    model_run(trial->db, "create temporary table source (n bigint, v text)");
    int n = hg_random_try(1, SEEDS, try_seed, trial);
    print_message("%d late retries found their rows gone\n", trial->n_refused);
    assert_true(n < SEEDS || trial->n_refused > 0);
    hg_flow_session_close(&trial->session);
    PQfinish(trial->db);
    free(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_flows_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
