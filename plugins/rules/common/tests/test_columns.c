/* Columns by name, and the hints when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "columns.h"
#include "headgate/batch.h"

static void make_schema(const char *const *names, size_t n, struct ArrowSchema *ret)
{
    struct hg_column columns[8] = {{0}};
    for (size_t i = 0; i < n; i++) {
        columns[i] = (struct hg_column){.name = names[i], .type = HG_TYPE_INT64};
    }
    assert_int_equal(hg_batch_schema(columns, n, ret, NULL), HG_OK);
}

static void test_found(void **state)
{
    (void)state;
    static const char *const names[] = {"open", "high", "low"};
    struct ArrowSchema schema;
    struct hg_view *views = NULL;
    struct hg_config_list wanted = {(char *[]){(char[]){"low"}, (char[]){"open"}}, 2};
    make_schema(names, 3, &schema);
    assert_int_equal(rule_columns_find(&schema, &wanted, "columns", true, &views, NULL), HG_OK);
    assert_int_equal(views[0].index, 2);
    assert_string_equal(views[1].name, "open");
    free(views);
    schema.release(&schema);
}

static void test_missing(void **state)
{
    (void)state;
    static const char *const names[] = {"open", "close", "ts", "_hg_pos", "closed"};
    struct ArrowSchema schema;
    struct hg_view *views = NULL;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_config_list wanted = {(char *[]){(char[]){"open"}, (char[]){"Clsoe"}}, 2};
    make_schema(names, 5, &schema);
    assert_int_equal(rule_columns_find(&schema, &wanted, "columns", true, &views, &err), HG_EINVAL);
    assert_null(views);
    assert_string_equal(err.pointer, "/columns/1");
    assert_string_equal(err.message, "there is no column \"Clsoe\"");
    assert_string_equal(err.hint, "The nearest of the columns: \"close\", \"closed\", \"ts\".");
    wanted.items = (char *[]){(char[]){"hg_pos"}};
    wanted.n = 1;
    assert_int_equal(rule_columns_find(&schema, &wanted, "column", false, &views, &err), HG_EINVAL);
    assert_string_equal(err.pointer, "/column");
    assert_null(strstr(err.hint, "_hg_pos"));
    schema.release(&schema);
}

static void test_few(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b"};
    struct ArrowSchema schema;
    struct hg_error err = HG_ERROR_INIT;
    make_schema(names, 0, &schema);
    assert_int_equal(rule_column_missing(&schema, "x", "/x", &err), HG_EINVAL);
    assert_string_equal(err.hint, "The rows have no columns.");
    schema.release(&schema);
    make_schema(names, 1, &schema);
    assert_int_equal(rule_column_missing(&schema, "x", "/x", &err), HG_EINVAL);
    assert_string_equal(err.hint, "The nearest of the columns: \"a\".");
    schema.release(&schema);
    make_schema(names, 2, &schema);
    assert_int_equal(rule_column_missing(&schema, "B", "/x", &err), HG_EINVAL);
    assert_string_equal(err.hint, "The nearest of the columns: \"b\", \"a\".");
    schema.release(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
