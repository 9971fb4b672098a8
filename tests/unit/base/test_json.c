/* Reading JSON while memory runs out. Linked with --wrap for malloc and realloc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"

static int left = -1; /* allocations until one fails; -1: none does */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return left >= 0 && left-- == 0 ? NULL : __real_malloc(size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
    return left >= 0 && left-- == 0 ? NULL : __real_realloc(old, size);
}

/* Texts that let the reader's buffer grow again and again, and every kind of value. */
static const char sample[] =
    "{\"a\": [1, 2.5, true, false, null, \"short\"], \"b\": {\"c\": \"a text that is longer than "
    "all the buffers that the reader of texts begins with, so that it has to make them longer\"},"
    " \"d\": \"\\u00e4\\u00f6 and another one, longer still: abcdefghijklmnopqrstuvwxyzabcdefghijkl"
    "mnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw\"}";

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    int n = 0;
    for (;; n++) {
        json_error_t error;
        left = n;
        HG_CLEANUP(hg_json_decrefp)
        json_t *json = hg_json_read(sample, sizeof sample - 1, 0, &error);
        bool failed = left < 0;
        left = -1;
        if (!failed) {
            assert_non_null(json);
            assert_int_equal(json_object_size(json), 3);
            break;
        }
        assert_null(json);
        assert_int_equal(json_error_code(&error), json_error_out_of_memory);
    }
    assert_true(n > 20);
}

static void test_reads_as_jansson_does(void **state)
{
    (void)state;
    json_error_t error;
    HG_CLEANUP(hg_json_decrefp) json_t *number = hg_json_read_text("7", JSON_DECODE_ANY, NULL);
    assert_int_equal(json_integer_value(number), 7);
    assert_null(hg_json_read_text("{\"a\": }", 0, &error));
    assert_int_equal(json_error_code(&error), json_error_invalid_syntax);
    assert_int_equal(error.line, 1);
    assert_null(hg_json_read_text(NULL, 0, NULL));
    /* Without memory outside of a reader there is no way out to take. */
    left = 0;
    assert_null(json_string("x"));
    left = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_reads_as_jansson_does),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
