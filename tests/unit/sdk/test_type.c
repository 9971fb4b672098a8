#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "headgate/schema.h"

static void test_types_have_names(void **state)
{
    static const struct {
        const char *text;
        int32_t type;
        int32_t precision;
        int32_t scale;
        const char *again; /* NULL: the same */
    } cases[] = {
        {"bool", HG_TYPE_BOOL, 0, 0, NULL},
        {"int32", HG_TYPE_INT32, 0, 0, NULL},
        {"int64", HG_TYPE_INT64, 0, 0, NULL},
        {"float64", HG_TYPE_FLOAT64, 0, 0, NULL},
        {"utf8", HG_TYPE_UTF8, 0, 0, NULL},
        {"binary", HG_TYPE_BINARY, 0, 0, NULL},
        {"date", HG_TYPE_DATE32, 0, 0, NULL},
        {"timestamp", HG_TYPE_TIMESTAMP_US, 0, 0, NULL},
        {"decimal(1,0)", HG_TYPE_DECIMAL128, 1, 0, NULL},
        {"decimal(38,38)", HG_TYPE_DECIMAL128, 38, 38, NULL},
        {"decimal( 12 , 6 )", HG_TYPE_DECIMAL128, 12, 6, "decimal(12,6)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hg_column column = {.precision = 7, .scale = 7};
        char text[32];
        assert_true(hg_type_parse(cases[i].text, &column));
        assert_int_equal(column.type, cases[i].type);
        assert_int_equal(column.precision, cases[i].precision);
        assert_int_equal(column.scale, cases[i].scale);
        hg_type_format(&column, text, sizeof text);
        assert_string_equal(text, cases[i].again ? cases[i].again : cases[i].text);
    }
}

static void test_what_is_no_type(void **state)
{
    static const char *const cases[] = {"",
                                        "Bool",
                                        "int",
                                        "date ",
                                        "decimal",
                                        "decimal(",
                                        "decimal()",
                                        "decimal(12)",
                                        "decimal(12,6",
                                        "decimal(12,6)x",
                                        "decimal(0,0)",
                                        "decimal(39,0)",
                                        "decimal(6,7)",
                                        "decimal(100,2)",
                                        "decimal(-1,0)"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hg_column column = {.type = 99, .precision = 7, .scale = 8};
        if (hg_type_parse(cases[i], &column)) {
            fail_msg("\"%s\" is a type", cases[i]);
        }
        assert_int_equal(column.type, 99);
        assert_int_equal(column.precision, 7);
        assert_int_equal(column.scale, 8);
    }
}

static void test_names_are_cut(void **state)
{
    const struct hg_column decimal = {.type = HG_TYPE_DECIMAL128, .precision = 12, .scale = 6};
    const struct hg_column none = {.type = 99};
    char text[8];
    (void)state;
    hg_type_format(&decimal, text, sizeof text);
    assert_string_equal(text, "decimal");
    hg_type_format(&none, text, sizeof text);
    assert_string_equal(text, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_have_names),
        cmocka_unit_test(test_what_is_no_type),
        cmocka_unit_test(test_names_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
