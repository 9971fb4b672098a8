/* The event bus: order, filters, what is gone, what nobody wants. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "events/bus.h"

#define RUN_A "01890000-0000-7000-8000-00000000000a"
#define RUN_B "01890000-0000-7000-8000-00000000000b"

static struct hg_events *bus;

static void start(size_t events_max, size_t bytes_max, int64_t linger_ms)
{
    const struct hg_events_options options = {events_max, bytes_max, linger_ms};
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_events_new(&options, &bus, &err), HG_OK);
}

static int setup(void **state)
{
    (void)state;
    start(8, 4096, 60000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hg_events_free(HG_TAKE(bus));
    return 0;
}

static struct hg_subscriber *subscribe(uint32_t topics, const char *run_id, const char *last)
{
    struct hg_events_filter filter = {.topics = topics};
    struct hg_subscriber *subscriber = NULL;
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(filter.run_id, sizeof filter.run_id, "%s", run_id ? run_id : "");
    assert_int_equal(hg_events_subscribe(bus, &filter, last, &subscriber, &err), HG_OK);
    return subscriber;
}

static void publish(enum hg_topic topic, const char *run_id, int n)
{
    char data[16];
    (void)snprintf(data, sizeof data, "%d", n);
    hg_events_publish(bus, topic, "x.y", run_id, data, strlen(data));
}

/* The next event's data, -1 for a resync, -2 for none; its id in `ret_id` where that is wanted. */
static int next(struct hg_subscriber *subscriber, char ret_id[64])
{
    const struct hg_event *event = hg_events_next(subscriber);
    if (!event) {
        return -2;
    }
    assert_int_equal(strlen(event->text), event->n);
    HG_CLEANUP(hg_json_decrefp) json_t *message = json_loads(event->text, 0, NULL);
    hg_event_unref(event);
    assert_non_null(message);
    assert_int_equal(json_object_size(message), 4);
    assert_true(json_is_string(json_object_get(message, "at")));
    if (ret_id) {
        (void)snprintf(ret_id, 64, "%s", json_string_value(json_object_get(message, "id")));
    }
    if (strcmp(json_string_value(json_object_get(message, "type")), "resync") == 0) {
        assert_true(json_is_null(json_object_get(message, "data")));
        return -1;
    }
    return (int)json_integer_value(json_object_get(message, "data"));
}

static void test_in_order_and_filtered(void **state)
{
    (void)state;
    struct hg_subscriber *all = subscribe(HG_TOPICS_ALL, NULL, NULL);
    struct hg_subscriber *runs = subscribe(HG_TOPIC_BIT(HG_TOPIC_RUNS), NULL, NULL);
    struct hg_subscriber *one = subscribe(HG_TOPICS_ALL, RUN_A, NULL);
    publish(HG_TOPIC_RUNS, RUN_A, 1);
    publish(HG_TOPIC_LOGS, RUN_B, 2);
    publish(HG_TOPIC_ALERTS, NULL, 3);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(next(all, NULL), i);
    }
    assert_int_equal(next(all, NULL), -2);
    assert_int_equal(next(runs, NULL), 1);
    assert_int_equal(next(runs, NULL), -2);
    assert_int_equal(next(one, NULL), 1);
    assert_int_equal(next(one, NULL), -2);
    hg_events_unsubscribe(all);
    hg_events_unsubscribe(runs);
    hg_events_unsubscribe(one);
}

static void test_falls_behind(void **state)
{
    (void)state;
    struct hg_subscriber *slow = subscribe(HG_TOPICS_ALL, NULL, NULL);
    for (int i = 1; i <= 9; i++) {
        publish(HG_TOPIC_RUNS, RUN_A, i);
    }
    assert_int_equal(next(slow, NULL), -1);
    assert_int_equal(next(slow, NULL), -2);
    publish(HG_TOPIC_RUNS, RUN_A, 10);
    assert_int_equal(next(slow, NULL), 10);
    hg_events_unsubscribe(slow);
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    char big[2000];
    struct hg_subscriber *slow = subscribe(HG_TOPICS_ALL, NULL, NULL);
    memset(big, '1', sizeof big);
    for (int i = 0; i < 3; i++) {
        hg_events_publish(bus, HG_TOPIC_RUNS, "x.y", NULL, big, sizeof big);
    }
    assert_int_equal(next(slow, NULL), -1);
    hg_events_unsubscribe(slow);
}

static void test_resumes(void **state)
{
    (void)state;
    char id[64];
    char other[80];
    struct hg_subscriber *first = subscribe(HG_TOPICS_ALL, NULL, NULL);
    publish(HG_TOPIC_RUNS, RUN_A, 1);
    publish(HG_TOPIC_RUNS, RUN_A, 2);
    assert_int_equal(next(first, id), 1);
    hg_events_unsubscribe(first);
    publish(HG_TOPIC_RUNS, RUN_A, 3); /* while it is away */
    struct hg_subscriber *again = subscribe(HG_TOPICS_ALL, NULL, id);
    assert_int_equal(next(again, NULL), 2);
    assert_int_equal(next(again, id), 3);
    assert_int_equal(next(again, NULL), -2);
    hg_events_unsubscribe(again);
    /* The newest id misses nothing. */
    again = subscribe(HG_TOPICS_ALL, NULL, id);
    assert_int_equal(next(again, NULL), -2);
    hg_events_unsubscribe(again);
    /* Another boot, an id of the future, and what is none. */
    (void)snprintf(other, sizeof other, "0000000000000000-1");
    const char *const strange[] = {other, "", "x", "-", "99999999999999999999999999"};
    for (size_t i = 0; i < HG_COUNT(strange); i++) {
        again = subscribe(HG_TOPICS_ALL, NULL, strange[i]);
        assert_int_equal(next(again, NULL), -1);
        assert_int_equal(next(again, NULL), -2);
        hg_events_unsubscribe(again);
    }
    (void)snprintf(other, sizeof other, "%s99", id);
    again = subscribe(HG_TOPICS_ALL, NULL, other);
    assert_int_equal(next(again, id), -1);
    hg_events_unsubscribe(again);
    /* A resync's id is one to come back with. */
    again = subscribe(HG_TOPICS_ALL, NULL, id);
    assert_int_equal(next(again, NULL), -2);
    hg_events_unsubscribe(again);
}

static void test_resume_of_what_is_gone(void **state)
{
    (void)state;
    char id[64];
    struct hg_subscriber *first = subscribe(HG_TOPICS_ALL, NULL, NULL);
    publish(HG_TOPIC_RUNS, RUN_A, 1);
    assert_int_equal(next(first, id), 1);
    hg_events_unsubscribe(first);
    for (int i = 2; i <= 9; i++) {
        publish(HG_TOPIC_RUNS, RUN_A, i);
    }
    struct hg_subscriber *again = subscribe(HG_TOPICS_ALL, NULL, id);
    assert_int_equal(next(again, NULL), 2); /* eight are kept, and eight came */
    hg_events_unsubscribe(again);
    publish(HG_TOPIC_RUNS, RUN_A, 10);
    again = subscribe(HG_TOPICS_ALL, NULL, id);
    assert_int_equal(next(again, NULL), -1);
    hg_events_unsubscribe(again);
}

static void test_holes(void **state)
{
    (void)state;
    char id[64];
    struct hg_subscriber *runs = subscribe(HG_TOPIC_BIT(HG_TOPIC_RUNS), RUN_A, NULL);
    struct hg_subscriber *logs = subscribe(HG_TOPIC_BIT(HG_TOPIC_LOGS), NULL, NULL);
    publish(HG_TOPIC_RUNS, RUN_A, 1);
    assert_int_equal(next(runs, id), 1);
    hg_events_hole(bus, HG_TOPIC_LOGS);
    assert_int_equal(next(logs, NULL), -1);
    assert_int_equal(next(runs, NULL), -2);
    hg_events_hole(bus, HG_TOPIC_RUNS);
    assert_int_equal(next(runs, NULL), -1);
    hg_events_unsubscribe(runs);
    hg_events_unsubscribe(logs);
    runs = subscribe(HG_TOPIC_BIT(HG_TOPIC_RUNS), NULL, id);
    assert_int_equal(next(runs, NULL), -1); /* also for who comes back */
    hg_events_unsubscribe(runs);
}

/* Many things that nobody wants push nothing out of the ring. */
static void test_holes_of_nobody_are_one(void **state)
{
    (void)state;
    char id[64];
    struct hg_subscriber *runs = subscribe(HG_TOPIC_BIT(HG_TOPIC_RUNS), NULL, NULL);
    publish(HG_TOPIC_RUNS, RUN_A, 1);
    assert_int_equal(next(runs, id), 1);
    hg_events_unsubscribe(runs);
    for (int i = 0; i < 100; i++) {
        hg_events_hole(bus, HG_TOPIC_LOGS);
    }
    runs = subscribe(HG_TOPIC_BIT(HG_TOPIC_RUNS), NULL, id);
    assert_int_equal(next(runs, NULL), -2);
    hg_events_unsubscribe(runs);
}

static void test_wanted(void **state)
{
    (void)state;
    assert_false(hg_events_wanted(NULL, HG_TOPIC_RUNS));
    assert_false(hg_events_wanted(bus, HG_TOPIC_RUNS));
    struct hg_subscriber *runs = subscribe(HG_TOPIC_BIT(HG_TOPIC_RUNS), NULL, NULL);
    assert_true(hg_events_wanted(bus, HG_TOPIC_RUNS));
    assert_false(hg_events_wanted(bus, HG_TOPIC_LOGS));
    hg_events_unsubscribe(runs);
    assert_true(hg_events_wanted(bus, HG_TOPIC_RUNS)); /* it may come back */
    hg_events_free(HG_TAKE(bus));
    start(8, 4096, -1);
    hg_events_unsubscribe(subscribe(HG_TOPICS_ALL, NULL, NULL));
    assert_false(hg_events_wanted(bus, HG_TOPIC_RUNS));
}

static void test_topics(void **state)
{
    (void)state;
    uint32_t topics = 0;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_topics_parse(NULL, &topics, &err), HG_OK);
    assert_int_equal(topics, HG_TOPICS_ALL);
    assert_int_equal(hg_topics_parse("runs,alerts", &topics, &err), HG_OK);
    assert_int_equal(topics, HG_TOPIC_BIT(HG_TOPIC_RUNS) | HG_TOPIC_BIT(HG_TOPIC_ALERTS));
    const char *const bad[] = {"run",
                               "runs,",
                               ",runs",
                               "runs, logs",
                               "*",
                               "RUNS",
                               "a-word-that-is-much-longer-than-any-topic-there-is"};
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        topics = 77;
        assert_int_equal(hg_topics_parse(bad[i], &topics, &err), HG_EINVAL);
        assert_int_equal(topics, 77);
    }
    assert_int_equal(hg_topics_parse("run", &topics, &err), HG_EINVAL);
    assert_string_equal(err.hint, "Did you mean \"runs\"?");
}

/* ---- threads ---- */

enum { PUBLISHERS = 4, EACH = 2000 };

static void *publish_many(void *arg)
{
    int base = (int)(intptr_t)arg * EACH;
    for (int i = 0; i < EACH; i++) {
        publish(HG_TOPIC_RUNS, RUN_A, base + i);
    }
    return NULL;
}

/* Each publisher's events come in its order, none twice, and none is missing. */
static void test_many_publishers(void **state)
{
    (void)state;
    hg_events_free(HG_TAKE(bus));
    start((size_t)PUBLISHERS * EACH, 64 << 20, 60000);
    struct hg_subscriber *all = subscribe(HG_TOPICS_ALL, NULL, NULL);
    pthread_t threads[PUBLISHERS];
    int last[PUBLISHERS];
    int n = 0;
    for (int i = 0; i < PUBLISHERS; i++) {
        last[i] = i * EACH - 1;
        assert_int_equal(pthread_create(&threads[i], NULL, publish_many, (void *)(intptr_t)i), 0);
    }
    /* Nothing is looked at while they write: a test that fails would leave them behind. */
    for (int i = 0; i < PUBLISHERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    while (n < PUBLISHERS * EACH) {
        int value = next(all, NULL);
        assert_true(value >= 0);
        assert_int_equal(value, last[value / EACH] + 1);
        last[value / EACH] = value;
        n++;
    }
    hg_events_unsubscribe(all);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void test_wakes(void **state)
{
    (void)state;
    int n = 0;
    hg_events_on_publish(bus, count, &n);
    publish(HG_TOPIC_RUNS, NULL, 1);
    hg_events_hole(bus, HG_TOPIC_RUNS);
    assert_int_equal(n, 2);
    hg_events_on_publish(bus, NULL, NULL);
    publish(HG_TOPIC_RUNS, NULL, 1);
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order_and_filtered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_falls_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resumes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resume_of_what_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holes_of_nobody_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_topics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_publishers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wakes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
