#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/executor.h"

struct work {
    struct hg_job job;
    int order;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_shut;
static int n_started;
static int n_done;

static void run(struct hg_job *job)
{
    struct work *work = (struct work *)(void *)((char *)job - offsetof(struct work, job));
    HG_LOCK(&mutex);
    n_started++;
    (void)pthread_cond_broadcast(&changed);
    while (is_shut) {
        (void)pthread_cond_wait(&changed, &mutex);
    }
    work->order = ++n_done;
}

static void set_shut(bool shut)
{
    HG_LOCK(&mutex);
    is_shut = shut;
    (void)pthread_cond_broadcast(&changed);
}

static void wait_started(int n)
{
    HG_LOCK(&mutex);
    while (n_started < n) {
        (void)pthread_cond_wait(&changed, &mutex);
    }
}

static void test_jobs_run_in_order_and_stop_runs_the_rest(void **state)
{
    (void)state;
    struct work works[20] = {{{NULL, NULL}, 0}};
    struct hg_executor *executor = NULL;
    struct hg_error err = HG_ERROR_INIT;
    n_started = n_done = 0;
    set_shut(true);
    assert_int_equal(hg_executor_new(1, 50, &executor, &err), HG_OK);
    for (size_t i = 0; i < HG_COUNT(works); i++) {
        works[i].job.run = run;
        assert_int_equal(hg_executor_submit(executor, &works[i].job, &err), HG_OK);
    }
    set_shut(false);
    hg_executor_free(executor);
    for (size_t i = 0; i < HG_COUNT(works); i++) {
        assert_int_equal(works[i].order, i + 1);
    }
}

static void test_a_full_queue_refuses(void **state)
{
    (void)state;
    struct work works[4] = {{{NULL, NULL}, 0}};
    struct hg_executor *executor = NULL;
    struct hg_error err = HG_ERROR_INIT;
    n_started = n_done = 0;
    set_shut(true);
    assert_int_equal(hg_executor_new(1, 2, &executor, &err), HG_OK);
    for (size_t i = 0; i < HG_COUNT(works); i++) {
        works[i].job.run = run;
    }
    assert_int_equal(hg_executor_submit(executor, &works[0].job, &err), HG_OK);
    wait_started(1);
    assert_int_equal(hg_executor_submit(executor, &works[1].job, &err), HG_OK);
    assert_int_equal(hg_executor_submit(executor, &works[2].job, &err), HG_OK);
    assert_int_equal(hg_executor_submit(executor, &works[3].job, &err), HG_EUNAVAILABLE);
    assert_int_equal(err.code, HG_EUNAVAILABLE);
    set_shut(false);
    hg_executor_free(executor);
    assert_int_equal(n_done, 3);
    assert_int_equal(works[3].order, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_run_in_order_and_stop_runs_the_rest),
        cmocka_unit_test(test_a_full_queue_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
