/*
 * Random tables, batches and rules through the flow's loads, compared with the same done in SQL.
 *
 * A seed makes a table and some loads into it. When one fails, HG_SEED=<its number> repeats it
 * alone, and prints all about it; HG_SEEDS=<n> tries so many from there on.
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
#include "trial.h"

enum { SEEDS = 80 };

static json_t *task_json(const struct trial *trial);

/* All about the load at work, for whoever repeats it. */
static void show(const struct trial *trial)
{
    static const char *const tables[] = {
        "select * from judged order by seq", "select * from oracle_before", "select * from m.t"};
    HG_CLEANUP(hg_json_decrefp) json_t *task = task_json(trial);
    HG_CLEANUP(hg_freep) char *text = json_dumps(task, JSON_INDENT(1));
    char bar[] = "|";
    const PQprintOpt how = {.header = 1, .align = 1, .fieldSep = bar};
    (void)fprintf(stderr, "%s\nbatches:", text);
    for (int i = 0; i < random_source.n_batches; i++) {
        (void)fprintf(stderr, " %d", random_source.batches[i]);
    }
    (void)fputc('\n', stderr);
    for (size_t i = 0; i < HG_COUNT(tables); i++) {
        PGresult *result = PQexec(trial->model.db, tables[i]);
        PQprint(stderr, result, &how);
        PQclear(result);
    }
}

__attribute__((format(printf, 2, 3), noreturn)) static void broken(const struct trial *trial,
                                                                   const char *fmt,
                                                                   ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr,
                  "HG_SEED=%llu, load %d (%s, %d rows%s%s%s): ",
                  (unsigned long long)trial->seed,
                  trial->step,
                  trial->model.mode ? trial->model.mode : "none",
                  trial->model.n_rows,
                  trial->model.premade ? ", premade" : "",
                  trial->model.wide ? ", wide" : "",
                  trial->model.keyed ? ", keyed" : "");
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    if (getenv("HG_SEED")) {
        show(trial);
    }
    fail();
    abort();
}

/* Rules may only decide the row's fate later, and do not say all then. */
static bool decides_late(const struct trial *trial)
{
    for (int i = 0; i < trial->model.n_rules; i++) {
        const struct model_rule *rule = &trial->model.rules[i];
        if (rule->on_fail == REJECT &&
            (rule->kind == TOY_UNIQUE || (rule->kind == UNIQUE && trial->large))) {
            return true;
        }
    }
    return false;
}

/* ---- the task ---- */

static json_t *names_json(const struct model *model, const int *columns, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        json_array_append_new(list, json_string(model->columns[columns[i]].as.name));
    }
    return list;
}

static const char *const rule_ids[] = {"not_null", "unique", "range", "toy_unique"};
static const char *const on_fails[] = {"warn", "reject", "stop"};

static json_t *rule_json(const struct model *model, const struct model_rule *rule)
{
    char file[512];
    json_t *config =
        json_pack("{s:o}", "columns", names_json(model, rule->columns, rule->n_columns));
    if (rule->kind == UNIQUE && rule->small_memory) {
        json_object_set_new(config, "memory_bytes", json_integer(65536));
    }
    if (rule->kind == TOY_UNIQUE) {
        json_object_set_new(config, "keep", json_integer(rule->keep));
    }
    if (rule->min[0]) {
        json_object_set_new(
            config, rule->exclusive ? "exclusive_min" : "min", json_string(rule->min));
    }
    if (rule->max[0]) {
        json_object_set_new(
            config, rule->exclusive ? "exclusive_max" : "max", json_string(rule->max));
    }
    random_rule_file(rule_ids[rule->kind], file, sizeof file);
    return json_pack("{s:s, s:s, s:o, s:s, s:s}",
                     "rule",
                     rule_ids[rule->kind],
                     "plugin_file",
                     file,
                     "config",
                     config,
                     "severity",
                     rule->fatal_severity ? "error" : "info",
                     "on_fail",
                     on_fails[rule->on_fail]);
}

static json_t *checks_json(const struct model *model)
{
    json_t *checks = json_array();
    for (int check = 0; check < model->n_checks; check++) {
        char job[16];
        json_t *rules = json_array();
        for (int i = 0; i < model->n_rules; i++) {
            if (model->rules[i].check == check) {
                json_array_append_new(rules, rule_json(model, &model->rules[i]));
            }
        }
        (void)snprintf(job, sizeof job, "check%d", check);
        json_array_append_new(checks, json_pack("{s:s, s:o}", "job", job, "rules", rules));
    }
    return checks;
}

static json_t *task_json(const struct trial *trial)
{
    const struct model *model = &trial->model;
    const struct fake_task task = {.run_id = trial->run_id, .table = "m.t", .mode = model->mode};
    json_t *json = fake_task_json(pg, &task);
    json_t *key = strcmp(model->mode, "merge") == 0 ? names_json(model, model->key, model->n_key)
                                                    : json_null();
    int lost = json_object_set_new(json_object_get(json, "load"), "key", key);
    lost |= json_object_set_new(json, "checks", checks_json(model));
    lost |= json_object_set_new(json, "fence", json_integer(trial->fence)); /* 0 too */
    lost |= json_object_set_new(json, "attempt", json_integer(trial->attempt));
    lost |= json_object_set_new(json, "checkpoint_ms", json_integer(trial->checkpoints));
    assert_int_equal(lost, 0);
    return json;
}

/* ---- running ---- */

static int run_flow(struct trial *trial, json_t **ret_result, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *task = task_json(trial);
    if (!task) {
        broken(trial, "the task cannot be written");
    }
    return random_run(task, &trial->session, ret_result, err);
}

/* ---- what must be true ---- */

static void check_same(const struct trial *trial, const char *what, char *differ)
{
    if (differ[0]) {
        broken(trial, "%s, - is missing and + is too much:\n%s", what, differ);
    }
    free(differ);
}

static void check_table(const struct trial *trial)
{
    bool exists = model_number(trial->model.db, "select (to_regclass('m.t') is not null)::int");
    if (exists != trial->exists) {
        broken(trial, exists ? "the table was made" : "there is no table");
    }
    if (exists) {
        check_same(trial, "table", model_compare_table(&trial->model));
    }
}

/* A table made by a load has the columns and the key of the other one. */
static void check_made(const struct trial *trial)
{
    check_same(trial, "columns", model_compare_columns(&trial->model));
}

static const json_t *job_of(const json_t *result, const char *id)
{
    const json_t *jobs = json_object_get(result, "jobs");
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        const char *job = json_string_value(json_object_get(json_array_get(jobs, i), "id"));
        if (job && strcmp(job, id) == 0) {
            return json_array_get(jobs, i);
        }
    }
    return NULL;
}

static void check_job(const struct trial *trial,
                      const json_t *result,
                      const char *id,
                      int64_t in,
                      int64_t out,
                      int64_t rejected)
{
    const json_t *job = job_of(result, id);
    int64_t got[] = {json_integer_value(json_object_get(job, "rows_in")),
                     json_integer_value(json_object_get(job, "rows_out")),
                     json_integer_value(json_object_get(job, "rows_rejected"))};
    if (got[0] != in || got[1] != out || got[2] != rejected) {
        broken(trial,
               "job %s has %lld/%lld/%lld rows in/out/rejected, not %lld/%lld/%lld",
               id,
               (long long)got[0],
               (long long)got[1],
               (long long)got[2],
               (long long)in,
               (long long)out,
               (long long)rejected);
    }
}

static void check_jobs(const struct trial *trial, const json_t *result, bool exact)
{
    const struct model *model = &trial->model;
    int64_t left = model->n_rows;
    int64_t rejected = 0;
    check_job(trial, result, "fetch", left, left, 0);
    for (int i = 0; i < model->n_checks; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "check%d", i);
        int64_t here =
            exact ? model->rejected[i]
                  : json_integer_value(json_object_get(job_of(result, id), "rows_rejected"));
        check_job(trial, result, id, left, left - here, here);
        left -= here;
        rejected += model->rejected[i];
    }
    check_job(
        trial, result, "load", model->n_rows - rejected, model->n_loaded, model->rejected[CHECKS]);
}

static void check_figure(const struct trial *trial,
                         const struct model_mark *mark,
                         const json_t *item)
{
    static const char *const good[] = {"pass", "warn", "fail"};
    char job[16];
    const char *column = mark->column < 0 ? NULL : trial->model.columns[mark->column].as.name;
    (void)snprintf(job, sizeof job, "check%d", mark->rule->check);
    HG_CLEANUP(hg_json_decrefp)
    json_t *expected = json_pack("{s:s, s:s, s:s?, s:I, s:I, s:s, s:s}",
                                 "job",
                                 job,
                                 "rule",
                                 rule_ids[mark->rule->kind],
                                 "column",
                                 column,
                                 "evaluated",
                                 (json_int_t)mark->evaluated,
                                 "failed",
                                 (json_int_t)mark->failed,
                                 "status",
                                 good[mark->failed == 0 ? 0 : 1 + mark->rule->fatal_severity],
                                 "on_fail",
                                 on_fails[mark->rule->on_fail]);
    const char *key;
    json_t *value;
    json_object_foreach (expected, key, value) {
        if (!json_equal(value, json_object_get(item, key))) {
            HG_CLEANUP(hg_freep) char *left = json_dumps(item, 0);
            HG_CLEANUP(hg_freep) char *right = json_dumps(expected, 0);
            broken(trial, "a figure is %s, not %s", left ? left : "missing", right);
        }
    }
}

static void check_figures(const struct trial *trial, const json_t *result)
{
    const struct model *model = &trial->model;
    const json_t *results = json_object_get(result, "results");
    if (model->n_rows == 0) {
        return; /* no batch, no figure */
    }
    if ((int)json_array_size(results) != model->n_marks) {
        broken(trial, "%d figures, not %d", (int)json_array_size(results), model->n_marks);
    }
    for (int i = 0; i < model->n_marks; i++) {
        check_figure(trial, &model->marks[i], json_array_get(results, (size_t)i));
    }
}

static int64_t of_run(const struct trial *trial, const char *what, const char *from)
{
    char sql[512];
    (void)snprintf(sql,
                   sizeof sql,
                   "select %s from headgate.%s where run_id = '%s'",
                   what,
                   from,
                   trial->run_id);
    return model_number(trial->model.db, sql);
}

/* How often the run has committed rows on the way. */
static int64_t n_parts(const struct trial *trial)
{
    return of_run(trial, "count(*)", "ledger") -
           of_run(trial, "count(*) filter (where final)", "ledger");
}

/* The rows of the run in the ledger; keys that are in two parts of a merge are counted in both. */
static void check_ledger(const struct trial *trial, bool final)
{
    const struct model *model = &trial->model;
    int64_t rejected = 0;
    for (int i = 0; i <= CHECKS; i++) {
        rejected += model->rejected[i];
    }
    int64_t loaded = of_run(trial, "coalesce(sum(rows_loaded), 0)", "ledger");
    bool twice = strcmp(model->mode, "merge") == 0 && n_parts(trial) > 0;
    if (of_run(trial, "count(*) filter (where final)", "ledger") != final ||
        of_run(trial, "coalesce(sum(rows_extracted), 0)", "ledger") != model->n_rows ||
        of_run(trial, "coalesce(sum(rows_rejected), 0)", "ledger") != rejected ||
        loaded < model->n_loaded || (loaded > model->n_loaded && !twice)) {
        broken(trial,
               "the ledger does not say that of %d rows %lld were loaded and %lld rejected",
               model->n_rows,
               (long long)model->n_loaded,
               (long long)rejected);
    }
}

static int64_t cursor(const struct trial *trial)
{
    return model_number(trial->model.db,
                        "select coalesce((select state->>'at' from headgate.cursor), '0')");
}

static void check_cursor(const struct trial *trial)
{
    int64_t state = cursor(trial);
    if (state != trial->state) {
        broken(trial, "the cursor is at %lld, not %lld", (long long)state, (long long)trial->state);
    }
}

static void check_quarantine(const struct trial *trial, bool exact)
{
    check_same(
        trial,
        "quarantine",
        model_compare_quarantine(&trial->model, trial->run_id, exact, random_source.positions));
}

/* Nothing is there of a load that failed and had committed nothing on its way. */
static void check_nothing(const struct trial *trial)
{
    if (of_run(trial, "count(*)", "ledger") > 0 || of_run(trial, "count(*)", "quarantine") > 0) {
        broken(trial, "a load that failed is in the ledger or has rows in quarantine");
    }
    check_table(trial);
    check_cursor(trial);
}

/* Of a load that failed the batches are there up to its last checkpoint. */
static void check_part(struct trial *trial)
{
    struct model *model = &trial->model;
    int n_rows = model->n_rows;
    model->n_rows = 0;
    for (int64_t i = 0; i < trial->state - random_source.base; i++) {
        model->n_rows += random_source.batches[i];
    }
    model_judge(model);
    if (!trial->checkpoints || !model->fits || model->stops) {
        broken(trial, "%d rows were committed, which do not fit", model->n_rows);
    }
    check_table(trial);
    check_ledger(trial, false);
    check_quarantine(trial, true);
    model->n_rows = n_rows;
}

static void check_failed(struct trial *trial)
{
    int64_t state = cursor(trial);
    model_undo(&trial->model);
    if (state <= random_source.base) {
        check_nothing(trial);
        return;
    }
    trial->exists = true;
    trial->state = state;
    trial->committed = trial->fence;
    trial->n_left_parts++;
    check_part(trial);
}

static void check_done(struct trial *trial, const json_t *result, bool exact)
{
    trial->exists = true;
    trial->committed = trial->fence;
    if (random_source.n_batches > 0) {
        trial->state = random_source.base + random_source.n_batches;
    }
    check_made(trial);
    check_table(trial);
    check_quarantine(trial, exact);
    check_ledger(trial, true);
    check_cursor(trial);
    if (n_parts(trial) == 0) {
        check_jobs(trial, result, exact);
        check_figures(trial, result);
    }
}

/* ---- a load ---- */

static void new_run(struct trial *trial)
{
    assert_int_equal(hg_uuid_new(trial->run_id, NULL), HG_OK);
    trial->attempt = 1;
    trial->fence++;
}

static void check_state_seen(const struct trial *trial)
{
    char expected[64] = "";
    if (trial->state > 0 && strcmp(trial->model.mode, "replace") != 0) {
        (void)snprintf(expected, sizeof expected, "{\"at\": %lld}", (long long)trial->state);
    }
    if (strcmp(expected, fake.state_seen) != 0) {
        broken(trial, "the source started at %s, not %s", fake.state_seen, expected);
    }
}

/* What hg_flow_run_with must answer. */
static bool right_answer(const struct trial *trial, int r)
{
    if (!trial->model.fits) {
        return r < 0;
    }
    return r == (trial->model.stops ? HG_ESTOP : HG_OK);
}

static void attempt(struct trial *trial, bool exact)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    int r = run_flow(trial, &result, &err);
    if (!right_answer(trial, r)) {
        broken(trial,
               "answer %d: %s (%s); SQL: %s",
               r,
               err.message,
               err.hint,
               trial->model.fits ? trial->model.stops ? "a rule stops it" : "fits"
                                 : trial->model.why_not);
    }
    check_state_seen(trial);
    if (r < 0) {
        check_failed(trial);
    } else {
        check_done(trial, result, exact);
    }
}

/* Batches that earlier attempts have committed. */
static int n_had(const struct trial *trial)
{
    return trial->state > random_source.base ? (int)(trial->state - random_source.base) : 0;
}

/* The source fails at one of its batches; the next attempt of the run does all. */
static void fail_once(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    bool good = trial->model.fits && !trial->model.stops;
    int had = n_had(trial);
    random_source.fail_at_batch =
        had + 1 + hg_random_below(&trial->random, random_source.n_batches - had);
    int r = run_flow(trial, &result, &err);
    if (r == HG_OK || (r != HG_EUNAVAILABLE && good)) {
        broken(trial, "answer %d of a load whose source is away: %s", r, err.message);
    }
    random_source.fail_at_batch = 0;
    check_failed(trial);
    trial->attempt++;
    trial->fence++;
    model_undo(&trial->model);
    model_judge(&trial->model);
}

/* The end of the last attempt was not heard, and the run's task is done again. */
static void repeat(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    int64_t fence = trial->fence++;
    int r = run_flow(trial, &result, &err);
    if (r != HG_OK || !json_is_true(json_object_get(result, "committed"))) {
        broken(trial, "answer %d when a run that has committed comes again: %s", r, err.message);
    }
    trial->fence = fence;
    check_table(trial);
    check_ledger(trial, true);
    trial->fence++;
}

/* An attempt that was thought dead and comes late finishes nothing. */
static void come_late(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    char run_id[HG_UUID_TEXT];
    int64_t fence = trial->fence;
    memcpy(run_id, trial->run_id, sizeof run_id);
    assert_int_equal(hg_uuid_new(trial->run_id, NULL), HG_OK);
    trial->fence = hg_random_below(&trial->random, (int)trial->committed);
    int r = run_flow(trial, &result, &err);
    if (r != HG_ECONFLICT) {
        broken(trial, "answer %d of a late attempt: %s", r, err.message);
    }
    memcpy(trial->run_id, run_id, sizeof run_id);
    trial->fence = fence;
    check_table(trial);
    check_cursor(trial);
}

static void load_once(struct trial *trial)
{
    struct hg_random *random = &trial->random;
    struct model *model = &trial->model;
    trial_choose_load(trial);
    new_run(trial);
    model_judge(model);
    while (random_source.n_batches > n_had(trial) &&
           hg_random_chance(random, trial->checkpoints ? 50 : 12)) {
        fail_once(trial);
    }
    bool committed = model->fits && !model->stops;
    attempt(trial, !decides_late(trial));
    if (committed && hg_random_chance(random, 12)) {
        repeat(trial);
    }
    if (committed && hg_random_chance(random, 12)) {
        come_late(trial);
    }
}

static void try_seed(void *arg, uint64_t seed)
{
    struct trial *trial = arg;
    trial->seed = seed;
    trial->random.state = seed * 1000003;
    trial->fence = 0;
    trial->state = 0;
    PGconn *db = trial->model.db;
    trial->model = (struct model){.db = db};
    trial_choose_table(trial);
    model_start(&trial->model);
    int n = trial->large ? 2 : 1 + hg_random_below(&trial->random, 5);
    for (trial->step = 1; trial->step <= n; trial->step++) {
        load_once(trial);
    }
}

static void test_loads_are_what_sql_does(void **state)
{
    struct trial *trial = calloc(1, sizeof *trial);
    (void)state;
    fake_reset();
    trial->cells = calloc((size_t)LARGE_ROWS * RANDOM_COLUMNS, sizeof *trial->cells);
    trial->model.db = model_connect(hg_test_pg_warehouse(pg));
    (void)hg_random_try(1, SEEDS, try_seed, trial);
    print_message("%d failures left parts\n", trial->n_left_parts);
    hg_flow_session_close(&trial->session);
    PQfinish(trial->model.db);
    free(trial->cells);
    free(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_are_what_sql_does),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
