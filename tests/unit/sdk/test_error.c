#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "headgate/error.h"

static void test_fail_fills_and_clears(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    memcpy(err.hint, "old", 4);
    err.retryable = 1;
    assert_int_equal(hg_fail(&err, HG_EDATA, "line %d", 7), HG_EDATA);
    assert_int_equal(err.code, HG_EDATA);
    assert_string_equal(err.message, "line 7");
    assert_string_equal(err.hint, "");
    assert_int_equal(err.retryable, 0);
    assert_int_equal(err.retry_after_ms, -1);
    hg_fail_prefix(&err, HG_EDATA, "file %s", "x");
    hg_fail_hint(&err, HG_EDATA, "Mend it.");
    hg_fail_pointer(&err, HG_EDATA, "/a/%d", 3);
    hg_fail_retryable(&err, HG_EDATA, 250);
    assert_string_equal(err.message, "file x: line 7");
    assert_string_equal(err.hint, "Mend it.");
    assert_string_equal(err.pointer, "/a/3");
    assert_int_equal(err.retry_after_ms, 250);
    assert_int_equal(err.code, HG_EDATA);
    assert_int_equal(hg_fail_nomem(&err), HG_ENOMEM);
    assert_string_equal(err.message, "out of memory");
}

static void test_null_is_taken(void **state)
{
    (void)state;
    assert_int_equal(hg_fail(NULL, HG_EIO, "x"), HG_EIO);
    assert_int_equal(hg_fail_errno(NULL, ENOENT, "x"), HG_ENOTFOUND);
    assert_int_equal(hg_fail_hint(NULL, HG_EIO, "x"), HG_EIO);
    assert_int_equal(hg_fail_pointer(NULL, HG_EIO, "x"), HG_EIO);
    assert_int_equal(hg_fail_prefix(NULL, HG_EIO, "x"), HG_EIO);
    assert_int_equal(hg_fail_retryable(NULL, HG_EIO, 1), HG_EIO);
}

/* A host with an older, shorter struct gets what fits and nothing written behind. */
static void test_shorter_struct(void **state)
{
    (void)state;
    struct hg_error err;
    memset(&err, 0x55, sizeof err);
    err.struct_size = offsetof(struct hg_error, hint);
    assert_int_equal(hg_fail(&err, HG_EIO, "gone"), HG_EIO);
    hg_fail_hint(&err, HG_EIO, "no room");
    hg_fail_prefix(&err, HG_EIO, "it is");
    assert_int_equal(err.struct_size, offsetof(struct hg_error, hint));
    assert_string_equal(err.message, "it is: gone");
    for (size_t i = 0; i < sizeof err.hint; i++) {
        assert_int_equal(err.hint[i], 0x55);
    }
    err.struct_size = 0;
    assert_int_equal(hg_fail(&err, HG_EDATA, "x"), HG_EDATA);
    assert_int_equal(err.code, HG_EIO);
}

static void test_long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char text[600];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 4) {
            memcpy(text + i, "\xF0\x9F\x98\x80", 5);
        }
        hg_fail(&err, HG_EIO, "%s", text);
        size_t n = strlen(err.message);
        assert_int_equal((n - shift) % 4, 0);
        assert_true(n >= 508);
    }
}

static void test_errno_both_ways(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_fail_errno(&err, EACCES, "cannot open \"%s\"", "x"), HG_EFORBIDDEN);
    assert_string_equal(err.message, "cannot open \"x\": Permission denied");
    assert_int_equal(hg_fail_errno(&err, EPERM, "x"), HG_EFORBIDDEN);
    assert_int_equal(hg_fail_errno(&err, EAGAIN, "x"), HG_EUNAVAILABLE);
    assert_int_equal(hg_fail_errno(&err, EXDEV, "x"), HG_EIO);
    assert_int_equal(hg_errno_of(HG_OK), 0);
    assert_int_equal(hg_errno_of(HG_ECANCELLED), ECANCELED);
    assert_int_equal(hg_errno_of(-99), EIO);
    for (hg_status code = HG_EINTERNAL; code < HG_OK; code++) {
        assert_int_not_equal(hg_errno_of(code), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills_and_clears),
        cmocka_unit_test(test_null_is_taken),
        cmocka_unit_test(test_shorter_struct),
        cmocka_unit_test(test_long_message_is_cut_at_a_character),
        cmocka_unit_test(test_errno_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
