/* The control socket, both sides. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/control.h"
#include "api/control_rotation.h"
#include "api/control_socket.h"
#include "auth/principal.h"
#include "base/io.h"
#include "base/mem.h"
#include "fake_services.h"
#include "scratch.h"

static char root[HG_SCRATCH_BYTES];
static char folder[256]; /* the data folder of the test at hand */
static struct hg_control *control;

static int make_root(void **state)
{
    (void)state;
    return hg_scratch_make("control", root);
}

static int remove_root(void **state)
{
    (void)state;
    return rmdir(root);
}

static int start_in(const char *name)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(folder, sizeof folder, "%s/%s", root, name);
    fake_reset();
    if (hg_make_folders(folder, 0700, NULL) < 0 ||
        hg_control_start(folder, NULL, NULL, NULL, &control, &err) < 0) {
        print_error("%s\n", err.message);
        return -1;
    }
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_in("short");
}

/* A path over the 107 bytes that a socket's address may have. */
static int start_deep(void **state)
{
    static const char name[] =
        "a-very-long-name-of-a-folder-that-no-address-of-a-socket-could-ever-hold-since-it-has-far-"
        "more-than-one-hundred-and-seven-bytes";
    (void)state;
    return start_in(name);
}

static int stop(void **state)
{
    char path[300];
    (void)state;
    hg_control_stop(control);
    control = NULL;
    (void)snprintf(path, sizeof path, "%s/control.sock", folder);
    assert_int_not_equal(access(path, F_OK), 0);
    return rmdir(folder);
}

static void count(void *arg, const json_t *run)
{
    int *n = arg;
    assert_string_equal(json_string_value(json_object_get(run, "id")), FAKE_RUN);
    (*n)++;
}

static int run(const json_t *params, int *n, json_t **ret, struct hg_error *err)
{
    return hg_control_run_pipeline(folder, "orders", params, count, n, ret, err);
}

static void test_a_run_is_followed_to_its_end(void **state)
{
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *params = json_pack("{s:i}", "since", 3);
    HG_CLEANUP(hg_json_decrefp) json_t *ended = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int n = 0;
    fake_set_waits(4);
    assert_true(hg_control_is_running(folder));
    if (run(params, &n, &ended, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(json_string_value(json_object_get(ended, "status")), "succeeded");
    assert_int_equal(n, 5);
    fake_assert_asked("trigger orders {\"since\":3}");
}

/* A database that is started again is no end of what is known of a run. */
static void test_a_run_is_followed_past_an_outage(void **state)
{
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *ended = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int n = 0;
    fake_set_waits(1);
    fake_set_away(3);
    if (run(NULL, &n, &ended, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(json_string_value(json_object_get(ended, "status")), "succeeded");
    assert_int_equal(n, 2);
}

static void test_the_hosts_failures_come_through(void **state)
{
    (void)state;
    json_t *ended = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int n = 0;
    fake_set(HG_EINVAL, "/params/since");
    assert_int_equal(run(NULL, &n, &ended, &err), HG_EINVAL);
    assert_string_equal(err.message, "the service says no");
    assert_string_equal(err.hint, "Ask it otherwise.");
    assert_string_equal(err.pointer, "/params/since");
    fake_set(HG_OK, "");
    fake_set_busy(true);
    assert_int_equal(run(NULL, &n, &ended, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, FAKE_RUN));
    assert_int_equal(n, 0);
    assert_null(ended);
}

static void test_a_pause_goes_to_the_host(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_principal me = hg_principal_local(getuid());
    char asked[128];
    assert_int_equal(hg_control_pause(folder, true, NULL, &err), HG_OK);
    (void)snprintf(asked, sizeof asked, "pause by %s", me.username);
    fake_assert_asked(asked);
    assert_int_equal(hg_control_pause(folder, false, NULL, &err), HG_OK);
    (void)snprintf(asked, sizeof asked, "resume by %s", me.username);
    fake_assert_asked(asked);
    assert_int_equal(hg_control_pause(folder, true, "orders", &err), HG_OK);
    (void)snprintf(asked, sizeof asked, "pause orders by %s", me.username);
    fake_assert_asked(asked);
    assert_int_equal(hg_control_pause(folder, false, "orders", &err), HG_OK);
    (void)snprintf(asked, sizeof asked, "resume orders by %s", me.username);
    fake_assert_asked(asked);
    fake_set(HG_ENOTFOUND, "");
    assert_int_equal(hg_control_pause(folder, true, "orders", &err), HG_ENOTFOUND);
    assert_string_equal(err.message, "the service says no");
}

static void test_without_a_host(void **state)
{
    (void)state;
    json_t *ended = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_false(hg_control_is_running(root));
    assert_int_equal(hg_control_run_pipeline(root, "p", NULL, NULL, NULL, &ended, &err),
                     HG_ENOTFOUND);
    assert_non_null(strstr(err.message, root));
}

static void test_a_second_host_is_refused(void **state)
{
    (void)state;
    struct hg_control *second = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_control_start(folder, NULL, NULL, NULL, &second, &err), HG_EEXIST);
    assert_null(second);
    /* The first one's socket is still there. */
    assert_true(hg_control_is_running(folder));
}

/* A host that was killed leaves its socket behind. */
static void test_a_socket_left_behind_is_replaced(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct hg_control *here = NULL;
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", root);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
    assert_false(hg_control_is_running(root));
    assert_int_equal(hg_control_start(root, NULL, NULL, NULL, &here, &err), HG_OK);
    assert_true(hg_control_is_running(root));
    hg_control_stop(here);
}

static void test_the_socket_is_for_its_owner(void **state)
{
    (void)state;
    char path[300];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/control.sock", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_calls_that_are_none(void **state)
{
    (void)state;
    static const char *const lines[] = {"not json\n",
                                        "[]\n",
                                        "{}\n",
                                        "{\"call\":\"stop\"}\n",
                                        "{\"call\":\"run\"}\n",
                                        "{\"call\":\"run\",\"call\":\"run\"}\n"};
    for (size_t i = 0; i < HG_COUNT(lines); i++) {
        HG_CLEANUP(hg_buf_free) struct hg_buf rest = HG_BUF_INIT;
        HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
        int fd;
        assert_int_equal(hg_control_connect(folder, &fd, NULL), HG_OK);
        assert_int_equal(hg_write_all(fd, lines[i], strlen(lines[i]), NULL), HG_OK);
        assert_int_equal(hg_control_receive(fd, &rest, &answer, NULL), HG_OK);
        assert_true(json_integer_value(json_object_get(json_object_get(answer, "error"), "code")) <
                    0);
        (void)close(fd);
    }
    fake_assert_asked("");
}

/* A client may say nothing and leave, or stay and say nothing: a stop does not wait for it. */
static void test_silent_clients(void **state)
{
    (void)state;
    int fd;
    assert_int_equal(hg_control_connect(folder, &fd, NULL), HG_OK);
    (void)close(fd);
    static int held; /* until the stop has been */
    assert_int_equal(hg_control_connect(folder, &held, NULL), HG_OK);
}

static void *stop_control(void *arg)
{
    hg_control_stop(arg);
    return NULL;
}

static void on_first_progress(void *arg, const json_t *first)
{
    pthread_t *stopper = arg;
    (void)first;
    if (control) {
        assert_int_equal(pthread_create(stopper, NULL, stop_control, control), 0);
        control = NULL;
    }
}

/* The host stops while a client waits for a run that has not ended. */
static void test_a_stop_tells_those_who_wait(void **state)
{
    (void)state;
    pthread_t stopper;
    json_t *ended = NULL;
    struct hg_error err = HG_ERROR_INIT;
    fake_set_waits(-1);
    assert_int_equal(
        hg_control_run_pipeline(folder, "orders", NULL, on_first_progress, &stopper, &ended, &err),
        HG_EUNAVAILABLE);
    assert_non_null(strstr(err.message, FAKE_RUN));
    assert_null(ended);
    assert_int_equal(pthread_join(stopper, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

/* A host of these tests has no vault; what a rotation says is told by the end-to-end tests. */
static void test_rotation_without_a_vault(void **state)
{
    (void)state;
    struct hg_rotation rotation = {.kid = 7};
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_control_rotate_key(folder, false, NULL, NULL, &rotation, &err), HG_ENOTSUP);
    assert_non_null(strstr(err.message, "no vault"));
    assert_int_equal(rotation.kid, 7);
    assert_int_equal(hg_control_rotate_key("/nowhere", false, NULL, NULL, &rotation, &err),
                     HG_ENOTFOUND);
}

static void test_the_names_of_channels(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *names = NULL;
    assert_int_equal(hg_control_channel_names(folder, &names, &err), HG_OK);
    assert_int_equal(json_object_size(names), 2);
    assert_non_null(json_object_get(names, "ops"));
    json_t *nobody_s = NULL;
    assert_int_equal(hg_control_channel_names("/nowhere", &nobody_s, &err), HG_ENOTFOUND);
    assert_null(nobody_s);
}

static void test_a_rotation_there_and_back(void **state)
{
    (void)state;
    struct hg_rotation rotation = {.kid = 3, .resumed = true, .n_total = 12, .n_done = 11};
    struct hg_rotation back;
    rotation.old_stays = true;
    rotation.why = (struct hg_error)HG_ERROR_INIT;
    (void)snprintf(rotation.why.message, sizeof rotation.why.message, "read-only \xff");
    HG_CLEANUP(hg_json_decrefp) json_t *json = hg_control_rotation_json(&rotation);
    hg_control_rotation_read(json, &back);
    assert_int_equal(back.kid, 3);
    assert_true(back.resumed && back.old_stays && !back.prepared);
    assert_int_equal(back.n_total, 12);
    assert_int_equal(back.n_done, 11);
    assert_string_equal(back.why.message, "read-only \xef\xbf\xbd");
    hg_control_rotation_read(NULL, &back);
    assert_int_equal(back.kid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_is_followed_to_its_end),
        cmocka_unit_test_setup_teardown(test_a_run_is_followed_to_its_end, start_deep, stop),
        TEST(test_a_run_is_followed_past_an_outage),
        TEST(test_the_hosts_failures_come_through),
        TEST(test_a_pause_goes_to_the_host),
        TEST(test_without_a_host),
        TEST(test_a_second_host_is_refused),
        TEST(test_a_socket_left_behind_is_replaced),
        TEST(test_the_socket_is_for_its_owner),
        TEST(test_calls_that_are_none),
        TEST(test_silent_clients),
        TEST(test_a_stop_tells_those_who_wait),
        cmocka_unit_test_setup_teardown(test_rotation_without_a_vault, start, stop),
        TEST(test_the_names_of_channels),
        cmocka_unit_test(test_a_rotation_there_and_back),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
