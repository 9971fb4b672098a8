#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void fills_message_and_code(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(err.hint, sizeof err.hint, "%s", "stale");
    (void)snprintf(err.pointer, sizeof err.pointer, "%s", "/stale");
    assert_int_equal(hg_error_set(&err, HG_EINVAL, "bad %s", "thing"), HG_EINVAL);
    assert_string_equal(err.message, "bad thing");
    assert_int_equal(err.code, HG_EINVAL);
    assert_string_equal(err.hint, "");
    assert_string_equal(err.pointer, "");
    assert_int_equal(err.retry_after_ms, -1);
    assert_int_equal(err.struct_size, sizeof err);
}

static void takes_null(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_error_set(NULL, HG_EIO, "x"), HG_EIO);
    assert_int_equal(hg_error_errno(NULL, ENOENT, "x"), HG_ENOTFOUND);
    assert_int_equal(hg_error_hint(NULL, "x"), HG_EINTERNAL);
    assert_int_equal(hg_error_wrap(NULL, "x"), HG_EINTERNAL);
    assert_int_equal(hg_error_nomem(NULL), HG_ENOMEM);
    hg_error_copy(NULL, &err);
    hg_error_copy(&err, NULL);
}

static void maps_errno(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_error_errno(&err, ENOENT, "cannot open \"%s\"", "a"), HG_ENOTFOUND);
    assert_string_equal(err.message, "cannot open \"a\": No such file or directory");
    assert_int_equal(hg_error_errno(&err, EACCES, "x"), HG_EFORBIDDEN);
    assert_int_equal(hg_error_errno(&err, ENOMEM, "x"), HG_ENOMEM);
    assert_int_equal(hg_error_errno(&err, EPIPE, "x"), HG_EIO);
}

static void wraps_with_context(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    (void)hg_error_set(&err, HG_EDATA, "no comma");
    assert_int_equal(hg_error_hint(&err, "Add %d.", 1), HG_EDATA);
    assert_int_equal(hg_error_wrap(&err, "line %d", 3), HG_EDATA);
    assert_string_equal(err.message, "line 3: no comma");
    assert_string_equal(err.hint, "Add 1.");
}

static void cuts_what_is_long(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)hg_error_set(&err, HG_EIO, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    (void)hg_error_wrap(&err, "%s", text);
    (void)hg_error_errno(&err, EIO, "%s", text);
    (void)hg_error_hint(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_int_equal(strlen(err.hint), sizeof err.hint - 1);
}

static void copies_from_a_shorter_struct(void **state)
{
    (void)state;
    struct hg_error from;
    memset(&from, 'z', sizeof from);
    from.struct_size = offsetof(struct hg_error, message) + 4;
    from.code = HG_ENOTSUP;
    struct hg_error to = HG_ERROR_INIT;
    hg_error_copy(&to, &from);
    assert_int_equal(to.struct_size, sizeof to);
    assert_int_equal(to.code, HG_ENOTSUP);
    assert_string_equal(to.message, "zzzz");
    assert_string_equal(to.hint, "");
    assert_int_equal(strlen(to.sqlstate), sizeof to.sqlstate - 1);
}

static void names_codes(void **state)
{
    (void)state;
    for (int code = HG_OK; code >= HG_EINTERNAL; code--) {
        const char *name = hg_code_name(code);
        assert_string_not_equal(name, "unknown");
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
    }
    assert_string_equal(hg_code_name(HG_ENOTFOUND), "not_found");
    assert_string_equal(hg_code_name(-99), "unknown");
    assert_string_equal(hg_code_name(7), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_message_and_code),
        cmocka_unit_test(takes_null),
        cmocka_unit_test(maps_errno),
        cmocka_unit_test(wraps_with_context),
        cmocka_unit_test(cuts_what_is_long),
        cmocka_unit_test(copies_from_a_shorter_struct),
        cmocka_unit_test(names_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
