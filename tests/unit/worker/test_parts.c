/* Frames, the blame page, restart delays: what the pool is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "worker/blame.h"
#include "worker/frame.h"
#include "worker/slot.h"

static void test_frames_come_out_as_they_went_in(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf all = HG_BUF_INIT;
    for (int i = 0; i < 3; i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *message = json_pack("{s:i}", "n", i);
        assert_int_equal(hg_frame_encode(&all, message, NULL), HG_OK);
    }
    /* However the bytes are cut, the same three come out in order. */
    for (size_t cut = 0; cut <= all.len; cut++) {
        HG_CLEANUP(hg_buf_free) struct hg_buf in = HG_BUF_INIT;
        int n = 0;
        for (int part = 0; part < 2; part++) {
            hg_buf_append(&in, part ? all.data + cut : all.data, part ? all.len - cut : cut);
            for (;;) {
                HG_CLEANUP(hg_json_decrefp) json_t *message = NULL;
                assert_int_equal(hg_frame_take(&in, &message, NULL), HG_OK);
                if (!message) {
                    break;
                }
                assert_int_equal(json_integer_value(json_object_get(message, "n")), n);
                n++;
            }
        }
        assert_int_equal(n, 3);
        assert_int_equal(in.len, 0);
    }
}

static void test_frames_that_are_none(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    json_t *message = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf in = HG_BUF_INIT;
    uint32_t length = HG_FRAME_MAX_BYTES + 1;
    hg_buf_append(&in, &length, sizeof length);
    assert_int_equal(hg_frame_take(&in, &message, &err), HG_EDATA);
    hg_buf_reset(&in);
    length = 3;
    hg_buf_append(&in, &length, sizeof length);
    hg_buf_puts(&in, "{x}");
    assert_int_equal(hg_frame_take(&in, &message, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "is not JSON"));
}

static void test_frames_over_a_socket(void **state)
{
    (void)state;
    int pair[2];
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    HG_CLEANUP(hg_json_decrefp) json_t *sent = json_pack("{s:s}", "text", "a\"\n\xc3\xbc");
    assert_int_equal(hg_frame_send(pair[0], sent, &err), HG_OK);
    HG_CLEANUP(hg_json_decrefp) json_t *received = NULL;
    assert_int_equal(hg_frame_receive(pair[1], &received, &err), HG_OK);
    assert_true(json_equal(sent, received));
    (void)close(pair[0]);
    json_t *none = NULL;
    assert_int_equal(hg_frame_receive(pair[1], &none, &err), HG_EUNAVAILABLE);
    assert_null(none);
    (void)close(pair[1]);
}

static void test_blame_is_seen_by_both_sides(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_blame *host = NULL;
    struct hg_blame *worker = NULL;
    int fd = -1;
    struct hg_blame_note note;
    assert_int_equal(hg_blame_new(&host, &fd, &err), HG_OK);
    assert_int_equal(hg_blame_open(fd, &worker, &err), HG_OK);
    (void)close(fd);
    hg_blame_get(host, &note);
    assert_string_equal(note.plugin, "");
    assert_string_equal(note.job, "");
    hg_blame_set(worker, "fetch", "csv");
    hg_blame_get(host, &note);
    assert_string_equal(note.plugin, "csv");
    assert_string_equal(note.job, "fetch");
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    hg_blame_set(worker, longest, longest);
    hg_blame_get(host, &note);
    assert_int_equal(strlen(note.plugin), HG_BLAME_TEXT - 1);
    assert_int_equal(strlen(note.job), HG_BLAME_TEXT - 1);
    hg_blame_set(worker, "load", NULL);
    hg_blame_get(host, &note);
    assert_string_equal(note.plugin, "");
    assert_string_equal(note.job, "load");
    hg_blame_free(worker);
    hg_blame_free(host);
}

static void test_restarts_wait_longer_and_longer(void **state)
{
    (void)state;
    assert_int_equal(hg_slot_restart_delay_ms(0), 0);
    int64_t before = 0;
    for (int crashes = 1; crashes < 40; crashes++) {
        int64_t delay = hg_slot_restart_delay_ms(crashes);
        assert_true(delay >= before && delay > 0 && delay <= 30000);
        before = delay;
    }
    assert_int_equal(before, 30000);
}

/* A cancel may come in the same moment as a worker's "ready". */
static void test_what_was_cancelled_is_not_sent(void **state)
{
    (void)state;
    struct hg_slot slot = {
        .state = HG_SLOT_READY,
        .process = HG_PROCESS_INIT,
        .task_id = strdup("t"),
        .cancelled = true,
    };
    hg_buf_puts(&slot.task, "frame");
    hg_slot_cancel(&slot);
    hg_slot_send_task(&slot);
    assert_true(hg_slot_has_unsent(&slot));
    assert_int_equal(slot.out.len, 0);
    hg_slot_free(&slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_come_out_as_they_went_in),
        cmocka_unit_test(test_frames_that_are_none),
        cmocka_unit_test(test_frames_over_a_socket),
        cmocka_unit_test(test_blame_is_seen_by_both_sides),
        cmocka_unit_test(test_restarts_wait_longer_and_longer),
        cmocka_unit_test(test_what_was_cancelled_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
