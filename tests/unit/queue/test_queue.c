/* The queue on a real PostgreSQL; two connections stand for two hosts. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "queue/queue.h"
#include "shared_pg.h"
#include "store/db.h"
#include "store/partition.h"

enum { LEASE_MS = 60000, TASKS = 12 };

struct fixture {
    struct hg_db *a;
    struct hg_db *b;
    char run_id[HG_UUID_TEXT];
    int n_tasks;
    char task_ids[TASKS][HG_UUID_TEXT];
};

static void ok(int r, const struct hg_error *err)
{
    if (r < 0) {
        fail_msg("%s", err->message);
    }
}

/* Runs it with err at hand; fails the test when it fails. */
#define OK(call)                             \
    do {                                     \
        struct hg_error err = HG_ERROR_INIT; \
        ok((call), &err);                    \
    } while (0)

static void sql(struct hg_db *db, const char *text)
{
    OK(hg_db_simple(db, text, NULL, &err));
}

static int64_t number_of(struct hg_db *db, const char *text)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    OK(hg_db_simple(db, text, &result, &err));
    return hg_result_int64(result, 0, "n", INT64_MIN);
}

static void new_run(struct fixture *fixture)
{
    char text[512];
    OK(hg_uuid_new(fixture->run_id, &err));
    (void)snprintf(text,
                   sizeof text,
                   "insert into run (id, pipeline_id, version, status, trigger)"
                   " values ('%s', 'p', 1, 'queued', 'manual')",
                   fixture->run_id);
    sql(fixture->a, text);
    fixture->n_tasks = 0;
}

static void make_partitions(struct fixture *fixture)
{
    static const struct hg_partitioned tables[] = {{"run", 100, 0}, {"task_history", 100, 0}};
    OK(hg_partitions_keep(fixture->a, tables, HG_COUNT(tables), hg_time_now_us(), NULL, &err));
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    if (!fixture || hg_test_pg_reset(pg) != 0 ||
        hg_db_connect(hg_test_pg_metadata(pg), "a", &fixture->a, NULL) < 0 ||
        hg_db_connect(hg_test_pg_metadata(pg), "b", &fixture->b, NULL) < 0) {
        return -1;
    }
    make_partitions(fixture);
    OK(hg_queue_renew(fixture->a, "a", LEASE_MS, &err));
    OK(hg_queue_renew(fixture->b, "b", LEASE_MS, &err));
    new_run(fixture);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    hg_db_return(fixture->a);
    hg_db_return(fixture->b);
    free(fixture);
    return 0;
}

/* Adds a waiting task with `n_needs` needs; its place. */
static int add(struct fixture *fixture, int n_needs)
{
    int i = fixture->n_tasks++;
    char key[16];
    HG_CLEANUP(hg_json_decrefp) json_t *spec = json_pack("{s:i}", "place", i);
    HG_CLEANUP(hg_json_decrefp) json_t *nobody = json_array();
    (void)snprintf(key, sizeof key, "t%d", i);
    struct hg_queue_new_task task = {
        .run_id = fixture->run_id,
        .pipeline_id = "p",
        .key = key,
        .kind = "flow",
        .n_needs = n_needs,
        .needed_by = nobody,
        .max_attempts = 2,
        .timeout_ms = i * 1000,
        .spec = spec,
    };
    OK(hg_uuid_new(task.id, &err));
    memcpy(fixture->task_ids[i], task.id, sizeof task.id);
    OK(hg_queue_add(fixture->a, &task, 1, 0, &err));
    return i;
}

static void need(struct fixture *fixture, int task, int needs)
{
    char text[256];
    (void)snprintf(text,
                   sizeof text,
                   "update task set needed_by = needed_by || '%s'::uuid where id = '%s'",
                   fixture->task_ids[task],
                   fixture->task_ids[needs]);
    sql(fixture->a, text);
}

static void promote(struct fixture *fixture, int parallelism)
{
    char text[128];
    (void)snprintf(text,
                   sizeof text,
                   "update run set parallelism = %d where id = '%s'",
                   parallelism,
                   fixture->run_id);
    sql(fixture->a, text);
    (void)snprintf(text, sizeof text, "{%s}", fixture->run_id);
    OK(hg_queue_promote(fixture->a, text, &err));
    sql(fixture->a, "select"); /* now it goes out */
}

/* Ends one attempt; whether that counted. */
static bool end(struct hg_db *db,
                const struct hg_queue_task *task,
                enum hg_queue_how how,
                int64_t delay_ms)
{
    struct hg_queue_end one = {.task = task, .how = how, .delay_ms = delay_ms};
    OK(hg_queue_end(db, &one, 1, &err));
    assert_true(!one.taken || one.how == how);
    return one.taken;
}

static int count_open(struct fixture *fixture)
{
    char text[128];
    (void)snprintf(
        text, sizeof text, "select count(*) as n from task where run_id = '%s'", fixture->run_id);
    return (int)number_of(fixture->a, text);
}

struct claimed {
    struct hg_queue_task *tasks;
    size_t n;
};

static void claimed_free(struct claimed *claimed)
{
    hg_queue_tasks_free(claimed->tasks, claimed->n);
}

static struct claimed claim(struct hg_db *db, const char *host, int limit)
{
    struct claimed claimed = {NULL, 0};
    OK(hg_queue_claim(db, host, limit, &claimed.tasks, &claimed.n, &err));
    return claimed;
}

static int place_of(const struct fixture *fixture, const char *task_id)
{
    for (int i = 0; i < fixture->n_tasks; i++) {
        if (strcmp(fixture->task_ids[i], task_id) == 0) {
            return i;
        }
    }
    return -1;
}

static void assert_state(struct fixture *fixture, int task, const char *expected)
{
    static const struct hg_statement state_of = {"test_state",
                                                 "select state from task where id = $1 union all "
                                                 "select state from task_history where id = $1",
                                                 1};
    const char *const params[] = {fixture->task_ids[task]};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    OK(hg_db_exec(fixture->a, &state_of, params, &result, &err));
    assert_string_equal(hg_result_text(result, 0, "state"), expected);
}

static void test_a_claim_tells_all(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, 0);
    int second = add(fixture, 0);
    promote(fixture, 10);
    HG_CLEANUP(claimed_free) struct claimed claimed = claim(fixture->a, "a", 10);
    assert_int_equal(claimed.n, 2);
    const struct hg_queue_task *task = &claimed.tasks[0];
    task = strcmp(task->id, fixture->task_ids[second]) == 0 ? task : &claimed.tasks[1];
    assert_string_equal(task->run_id, fixture->run_id);
    assert_string_equal(task->pipeline_id, "p");
    assert_string_equal(task->key, "t1");
    assert_int_equal(task->attempt, 1);
    assert_int_equal(task->max_attempts, 2);
    assert_int_equal(task->timeout_ms, 1000);
    assert_int_equal(json_integer_value(json_object_get(task->spec, "place")), 1);
    assert_int_not_equal(claimed.tasks[0].fence, claimed.tasks[1].fence);
    HG_CLEANUP(claimed_free) struct claimed none = claim(fixture->a, "a", 10);
    assert_int_equal(none.n, 0);
}

static void test_the_oldest_is_claimed_first(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++) {
        (void)add(fixture, 0);
    }
    promote(fixture, 10);
    sql(fixture->a, "update task set run_at = now() - interval '1 hour' where key = 't3'");
    sql(fixture->a, "update task set run_at = now() + interval '1 hour' where key = 't0'");
    static const int expected[] = {3, 1, 2, 4};
    for (size_t i = 0; i < HG_COUNT(expected); i++) {
        HG_CLEANUP(claimed_free) struct claimed claimed = claim(fixture->a, "a", 1);
        assert_int_equal(claimed.n, 1);
        assert_int_equal(place_of(fixture, claimed.tasks[0].id), expected[i]);
    }
    HG_CLEANUP(claimed_free) struct claimed none = claim(fixture->a, "a", 1);
    assert_int_equal(none.n, 0); /* t0 is not due */
}

/* Claims look from there on only; what was put behind it is found by the look that recover does. */
static void test_the_front_moves_on(void **state)
{
    struct fixture *fixture = *state;
    HG_CLEANUP(hg_json_decrefp) json_t *known = json_array();
    int n = 0;
    for (int i = 0; i < 3; i++) {
        (void)add(fixture, 0);
    }
    sql(fixture->a, "update task set run_at = now() - interval '1 hour'");
    promote(fixture, 2);
    HG_CLEANUP(claimed_free) struct claimed first = claim(fixture->a, "a", 10);
    assert_int_equal(first.n, 2);
    assert_true(end(fixture->a, &first.tasks[0], HG_QUEUE_DONE, 0));
    promote(fixture, 2); /* it has waited for an hour, and is ready only now */
    HG_CLEANUP(claimed_free) struct claimed second = claim(fixture->b, "b", 10);
    assert_int_equal(second.n, 1);
    assert_true(end(fixture->b, &second.tasks[0], HG_QUEUE_RELEASED, 0));
    sql(fixture->a, "update task set run_at = now() - interval '1 minute' where state = 'ready'");
    HG_CLEANUP(claimed_free) struct claimed none = claim(fixture->a, "a", 10);
    assert_int_equal(none.n, 0);
    assert_int_equal(json_array_append_new(known, json_string(first.tasks[1].id)), 0);
    OK(hg_queue_recover(fixture->a, "a", known, true, &n, NULL, &err));
    HG_CLEANUP(claimed_free) struct claimed late = claim(fixture->a, "a", 10);
    assert_int_equal(late.n, 1);
    assert_int_equal(number_of(fixture->a, "select count(*) as n from task"), 2);
}

/* Also what was ready long before its end: the front has not passed it by. */
static void test_a_pause_keeps_all_for_later(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, 0);
    promote(fixture, 10);
    sql(fixture->a, "update task set run_at = now() - interval '1 minute'");
    sql(fixture->a, "insert into pause (paused_by) values ('me')");
    for (int i = 0; i < 2; i++) {
        HG_CLEANUP(claimed_free) struct claimed none = claim(fixture->a, "a", 10);
        assert_int_equal(none.n, 0);
    }
    sql(fixture->a, "delete from pause");
    HG_CLEANUP(claimed_free) struct claimed claimed = claim(fixture->a, "a", 10);
    assert_int_equal(claimed.n, 1);
}

/* Neither waits for the other, neither gets what the other has, even before that is committed. */
static void test_two_hosts_share(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 6; i++) {
        (void)add(fixture, 0);
    }
    promote(fixture, 10);
    OK(hg_db_begin(fixture->a, &err));
    HG_CLEANUP(claimed_free) struct claimed first = claim(fixture->a, "a", 4);
    HG_CLEANUP(claimed_free) struct claimed second = claim(fixture->b, "b", 4);
    OK(hg_db_commit(fixture->a, &err));
    assert_int_equal(first.n, 4);
    assert_int_equal(second.n, 2);
    for (size_t i = 0; i < second.n; i++) {
        for (size_t k = 0; k < first.n; k++) {
            assert_string_not_equal(first.tasks[k].id, second.tasks[i].id);
        }
    }
}

/* Whatever names an attempt that is over changes nothing. */
static void test_a_zombie_ends_nothing(void **state)
{
    struct fixture *fixture = *state;
    int task = add(fixture, 0);
    promote(fixture, 1);
    HG_CLEANUP(claimed_free) struct claimed old = claim(fixture->a, "a", 1);
    assert_true(end(fixture->a, &old.tasks[0], HG_QUEUE_RETRIED, 0));
    HG_CLEANUP(claimed_free) struct claimed current = claim(fixture->b, "b", 1);
    assert_int_equal(current.tasks[0].attempt, 2);
    assert_true(current.tasks[0].fence > old.tasks[0].fence);
    struct hg_queue_task wrong[] = {old.tasks[0], current.tasks[0], current.tasks[0]};
    wrong[1].fence--;
    wrong[2].attempt--;
    for (size_t i = 0; i < HG_COUNT(wrong); i++) {
        for (enum hg_queue_how how = HG_QUEUE_DONE; how <= HG_QUEUE_RELEASED; how++) {
            assert_false(end(fixture->a, &wrong[i], how, 0));
        }
        assert_state(fixture, task, "running");
    }
    assert_true(end(fixture->b, &current.tasks[0], HG_QUEUE_DONE, 0));
    assert_state(fixture, task, "done");
    assert_false(end(fixture->b, &current.tasks[0], HG_QUEUE_DONE, 0));
}

static void test_a_retry_waits_and_a_release_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, 0);
    promote(fixture, 1);
    HG_CLEANUP(claimed_free) struct claimed first = claim(fixture->a, "a", 1);
    assert_true(end(fixture->a, &first.tasks[0], HG_QUEUE_RELEASED, 0));
    HG_CLEANUP(claimed_free) struct claimed second = claim(fixture->a, "a", 1);
    assert_int_equal(second.n, 1);
    /* As many retries are left as before. */
    assert_int_equal(second.tasks[0].max_attempts - second.tasks[0].attempt, 1);
    assert_true(end(fixture->a, &second.tasks[0], HG_QUEUE_RETRIED, 3600000));
    HG_CLEANUP(claimed_free) struct claimed none = claim(fixture->a, "a", 1);
    assert_int_equal(none.n, 0);
    int64_t wait_s =
        number_of(fixture->a, "select extract(epoch from run_at - now())::bigint as n from task");
    assert_in_range(wait_s, 3500, 3600);
}

static void test_promotion_keeps_to_the_parallelism(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++) {
        (void)add(fixture, 0);
    }
    promote(fixture, 2);
    HG_CLEANUP(claimed_free) struct claimed first = claim(fixture->a, "a", 10);
    assert_int_equal(first.n, 2);
    assert_int_equal(place_of(fixture, first.tasks[0].id) + place_of(fixture, first.tasks[1].id),
                     1); /* in the order in which they were added */
    promote(fixture, 2);
    assert_int_equal(number_of(fixture->a, "select count(*) as n from task where state = 'ready'"),
                     0);
    assert_true(end(fixture->a, &first.tasks[0], HG_QUEUE_DONE, 0));
    promote(fixture, 2);
    assert_int_equal(number_of(fixture->a, "select count(*) as n from task where state = 'ready'"),
                     1);
    promote(fixture, 1); /* lowered while more run */
    assert_int_equal(number_of(fixture->a, "select count(*) as n from task where state = 'ready'"),
                     1);
}

/* The clock was set back by five hours: what was ready before, and the front, lie as far ahead. */
static void test_a_clock_that_was_set_back(void **state)
{
    struct fixture *fixture = *state;
    HG_CLEANUP(hg_json_decrefp) json_t *none = json_array();
    int n = 0;
    for (int i = 0; i < 3; i++) {
        (void)add(fixture, 0);
    }
    promote(fixture, 10);
    sql(fixture->a,
        "update task set run_at = now() + interval '5 hours';"
        "update task set attempt = 1, spec = '{\"retries\": {\"max_backoff_ms\": 7200000}}'"
        " where key <> 't0';"
        "update task set run_at = now() + interval '2 hours' where key = 't2';"
        "select setval('task_front', (extract(epoch from now() + interval '5 hours') * "
        "1000)::bigint)");
    HG_CLEANUP(claimed_free) struct claimed stuck = claim(fixture->a, "a", 10);
    assert_int_equal(stuck.n, 0);
    OK(hg_queue_recover(fixture->a, "a", none, true, &n, NULL, &err));
    assert_int_equal(n, 0);
    HG_CLEANUP(claimed_free) struct claimed due = claim(fixture->a, "a", 10);
    assert_int_equal(due.n, 2); /* t2 waits for its retry, which may take two hours */
    assert_state(fixture, 2, "ready");
}

static void test_recovery(void **state)
{
    struct fixture *fixture = *state;
    int n = 0;
    for (int i = 0; i < 4; i++) {
        (void)add(fixture, 0);
    }
    promote(fixture, 10);
    HG_CLEANUP(claimed_free) struct claimed own = claim(fixture->a, "a", 1);
    HG_CLEANUP(claimed_free) struct claimed others = claim(fixture->b, "b", 2);
    assert_int_equal(own.n + others.n, 3);
    sql(fixture->a, "update task set host = 'c' where key = 't2'");
    OK(hg_queue_renew(fixture->a, "c", -1000, &err));
    HG_CLEANUP(hg_json_decrefp) json_t *known = json_pack("[s]", fixture->task_ids[0]);
    HG_CLEANUP(hg_json_decrefp) json_t *none = json_array();
    OK(hg_queue_recover(fixture->a, "a", known, true, &n, NULL, &err));
    assert_int_equal(n, 1);
    assert_state(fixture, 0, "running"); /* ours, and we know of it */
    OK(hg_queue_recover(fixture->a, "a", none, true, &n, NULL, &err));
    assert_int_equal(n, 1);
    assert_state(fixture, 0, "ready");   /* was ours */
    assert_state(fixture, 1, "running"); /* of a host that lives */
    assert_state(fixture, 2, "ready");   /* of one that does not */
    OK(hg_queue_recover(fixture->a, "a", none, true, &n, NULL, &err));
    assert_int_equal(n, 0);
    HG_CLEANUP(claimed_free) struct claimed again = claim(fixture->a, "a", 10);
    assert_int_equal(again.n, 3);
    for (size_t i = 0; i < again.n; i++) {
        assert_int_equal(again.tasks[i].max_attempts - again.tasks[i].attempt, 1);
        assert_int_equal(again.tasks[i].n_lost, again.tasks[i].attempt - 1);
    }
}

/* A run's tasks are added at once; those that may begin are ready. */
static void test_the_tasks_of_a_run(void **state)
{
    struct fixture *fixture = *state;
    struct hg_queue_new_task tasks[4] = {
        {.n_needs = 0}, {.n_needs = 0}, {.n_needs = 0}, {.n_needs = 2}};
    HG_CLEANUP(hg_json_decrefp) json_t *spec = json_object();
    HG_CLEANUP(hg_json_decrefp) json_t *nobody = json_array();
    for (int i = 0; i < 4; i++) {
        OK(hg_uuid_new(tasks[i].id, &err));
        memcpy(fixture->task_ids[fixture->n_tasks++], tasks[i].id, sizeof tasks[i].id);
        tasks[i].run_id = fixture->run_id;
        tasks[i].pipeline_id = "p";
        tasks[i].key = "k";
        tasks[i].kind = "transform";
        tasks[i].max_attempts = 1;
        tasks[i].needed_by = nobody;
        tasks[i].spec = spec;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *last = json_pack("[s]", tasks[3].id);
    tasks[0].needed_by = last;
    tasks[1].needed_by = last;
    OK(hg_queue_add(fixture->a, tasks, 4, 2, &err));
    assert_state(fixture, 0, "ready");
    assert_state(fixture, 1, "ready");
    assert_state(fixture, 2, "waiting"); /* no place */
    assert_state(fixture, 3, "waiting");
    HG_CLEANUP(claimed_free) struct claimed both = claim(fixture->a, "a", 10);
    struct hg_queue_end ends[] = {{.task = &both.tasks[0], .how = HG_QUEUE_DONE},
                                  {.task = &both.tasks[1], .how = HG_QUEUE_DONE}};
    OK(hg_queue_end(
        fixture->a, ends, HG_COUNT(ends), &err)); /* both needs of one in one statement */
    promote(fixture, 2);
    assert_state(fixture, 3, "ready");
}

/* Somebody asked to stop it: it is cancelled, unless it was done all the same. */
static void test_a_cancelled_task_is_not_tried_again(void **state)
{
    struct fixture *fixture = *state;
    int first = add(fixture, 0);
    int second = add(fixture, 0);
    int third = add(fixture, 1);
    need(fixture, third, first);
    promote(fixture, 10);
    HG_CLEANUP(claimed_free) struct claimed both = claim(fixture->a, "a", 10);
    OK(hg_queue_cancel(fixture->b, fixture->run_id, &err));
    assert_state(fixture, third, "cancelled");
    struct hg_queue_end ends[] = {{.task = &both.tasks[0], .how = HG_QUEUE_RETRIED},
                                  {.task = &both.tasks[1], .how = HG_QUEUE_DONE}};
    bool swapped = place_of(fixture, both.tasks[0].id) != first;
    ends[0].how = swapped ? HG_QUEUE_DONE : HG_QUEUE_RETRIED;
    ends[1].how = swapped ? HG_QUEUE_RETRIED : HG_QUEUE_DONE;
    OK(hg_queue_end(fixture->a, ends, HG_COUNT(ends), &err));
    assert_int_equal(ends[swapped].how, HG_QUEUE_CANCELLED);
    assert_state(fixture, first, "cancelled");
    assert_state(fixture, second, "done");
}

/* What was lost with a host may still commit: what only goes back says nothing of that. */
static void test_a_release_does_not_cancel_what_was_lost(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, 0);
    promote(fixture, 10);
    HG_CLEANUP(hg_json_decrefp) json_t *none = json_array();
    int n = 0;
    HG_CLEANUP(claimed_free) struct claimed lost = claim(fixture->a, "a", 1);
    assert_int_equal(lost.n, 1);
    OK(hg_queue_recover(fixture->a, "a", none, true, &n, NULL, &err));
    HG_CLEANUP(claimed_free) struct claimed second = claim(fixture->a, "a", 1);
    assert_int_equal(second.tasks[0].n_lost, 1);
    OK(hg_queue_cancel(fixture->b, fixture->run_id, &err));
    assert_true(end(fixture->a, &second.tasks[0], HG_QUEUE_RELEASED, 0));
    assert_state(fixture, 0, "ready");
    HG_CLEANUP(claimed_free) struct claimed third = {NULL, 0};
    OK(hg_queue_claim_cancelled(fixture->b, "b", &third.tasks, &third.n, &err));
    assert_int_equal(third.n, 1);
    assert_true(third.tasks[0].cancel_requested);
    assert_true(third.tasks[0].fence > second.tasks[0].fence);
    /* An end of its own, behind which the ledger has been asked, does. */
    struct hg_queue_end last = {.task = &third.tasks[0], .how = HG_QUEUE_FAILED};
    OK(hg_queue_end(fixture->b, &last, 1, &err));
    assert_int_equal(last.how, HG_QUEUE_CANCELLED);
    assert_state(fixture, 0, "cancelled");
}

static void test_an_unknown_run(void **state)
{
    struct fixture *fixture = *state;
    OK(hg_queue_lock_run(fixture->a, fixture->run_id, &err));
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_queue_lock_run(fixture->a, "00000000-0000-7000-8000-000000000000", &err),
                     HG_ENOTFOUND);
}

/* ---- random graphs against a model ---- */

struct model {
    bool needs[TASKS][TASKS];
    const char *states[TASKS];
};

static unsigned random_below(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

static void model_skip(struct model *model, int n, int after)
{
    for (int i = 0; i < n; i++) {
        if (model->needs[i][after] && strcmp(model->states[i], "waiting") == 0) {
            model->states[i] = "skipped";
            model_skip(model, n, i);
        }
    }
}

static void model_promote(struct model *model, int n, int parallelism)
{
    int busy = 0;
    for (int i = 0; i < n; i++) {
        busy += strcmp(model->states[i], "ready") == 0 || strcmp(model->states[i], "running") == 0;
    }
    for (int i = 0; i < n && busy < parallelism; i++) {
        bool met = strcmp(model->states[i], "waiting") == 0;
        for (int k = 0; k < n; k++) {
            met = met && (!model->needs[i][k] || strcmp(model->states[k], "done") == 0);
        }
        if (met) {
            model->states[i] = "ready";
            busy++;
        }
    }
}

static void check_model(struct fixture *fixture, const struct model *model)
{
    int expected = 0;
    for (int i = 0; i < fixture->n_tasks; i++) {
        assert_state(fixture, i, model->states[i]);
        expected += strcmp(model->states[i], "waiting") == 0 ||
                    strcmp(model->states[i], "ready") == 0 ||
                    strcmp(model->states[i], "running") == 0;
    }
    assert_int_equal(count_open(fixture), expected);
}

static void make_graph(struct fixture *fixture, struct model *model, unsigned *seed)
{
    int n = 3 + (int)random_below(seed, TASKS - 2);
    for (int i = 0; i < n; i++) {
        int n_needs = 0;
        for (int k = 0; k < i; k++) {
            model->needs[i][k] = random_below(seed, 4) == 0;
            n_needs += model->needs[i][k];
        }
        (void)add(fixture, n_needs);
        model->states[i] = "waiting";
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            if (model->needs[i][k]) {
                need(fixture, i, k);
            }
        }
    }
}

/* Claims one and ends it in one way or the other. False when nothing was there. */
static bool step(struct fixture *fixture, struct model *model, unsigned *seed)
{
    HG_CLEANUP(claimed_free) struct claimed claimed = claim(fixture->a, "a", 1);
    if (claimed.n == 0) {
        return false;
    }
    int i = place_of(fixture, claimed.tasks[0].id);
    assert_string_equal(model->states[i], "ready");
    switch (random_below(seed, 6)) {
    case 0:
        assert_true(end(fixture->a, &claimed.tasks[0], HG_QUEUE_FAILED, 0));
        model->states[i] = "failed";
        model_skip(model, fixture->n_tasks, i);
        break;
    case 1:
        assert_true(end(fixture->a, &claimed.tasks[0], HG_QUEUE_RELEASED, 0));
        break;
    default:
        assert_true(end(fixture->a, &claimed.tasks[0], HG_QUEUE_DONE, 0));
        model->states[i] = "done";
    }
    return true;
}

static void test_random_graphs(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned round = 1; round <= 25; round++) {
        unsigned seed = round;
        struct model model = {0};
        int parallelism = 1 + (int)random_below(&seed, 4);
        new_run(fixture);
        make_graph(fixture, &model, &seed);
        do {
            promote(fixture, parallelism);
            model_promote(&model, fixture->n_tasks, parallelism);
            check_model(fixture, &model);
        } while (step(fixture, &model, &seed));
        assert_int_equal(count_open(fixture), 0); /* nothing is left behind */
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_claim_tells_all),
        TEST(test_the_oldest_is_claimed_first),
        TEST(test_the_front_moves_on),
        TEST(test_a_pause_keeps_all_for_later),
        TEST(test_two_hosts_share),
        TEST(test_a_zombie_ends_nothing),
        TEST(test_a_retry_waits_and_a_release_does_not_count),
        TEST(test_promotion_keeps_to_the_parallelism),
        TEST(test_a_clock_that_was_set_back),
        TEST(test_recovery),
        TEST(test_the_tasks_of_a_run),
        TEST(test_a_cancelled_task_is_not_tried_again),
        TEST(test_a_release_does_not_cancel_what_was_lost),
        TEST(test_an_unknown_run),
        TEST(test_random_graphs),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
