#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "headgate/config.h"

struct column {
    char *name;
    int32_t type;
    bool required;
};

struct dialect {
    char *quote;
    double ratio;
};

struct source {
    char *path;
    bool header;
    int32_t skip;
    int64_t limit;
    int32_t mode;
    struct hg_config_list missing;
    struct hg_config_list columns;
    struct hg_config_list names;
    struct dialect dialect;
    char *extra;
};

static const char *const modes[] = {"fast", "exact", NULL};
static const char *const types[] = {"int64", "utf8", NULL};

#define FIELD(type_, struct_, field_) \
    .key = #field_, .type = type_, .offset = offsetof(struct struct_, field_)

static const struct hg_config_field column_fields[] = {
    {FIELD(HG_CONFIG_TEXT, column, name), .required = true},
    {FIELD(HG_CONFIG_ENUM, column, type), .names = types},
    {FIELD(HG_CONFIG_BOOL, column, required)},
};
static const struct hg_config_field dialect_fields[] = {
    {FIELD(HG_CONFIG_TEXT, dialect, quote)},
    {FIELD(HG_CONFIG_FLOAT64, dialect, ratio)},
};
static const struct hg_config_field fields[] = {
    {FIELD(HG_CONFIG_TEXT, source, path), .required = true},
    {FIELD(HG_CONFIG_BOOL, source, header)},
    {FIELD(HG_CONFIG_INT32, source, skip)},
    {FIELD(HG_CONFIG_INT64, source, limit)},
    {FIELD(HG_CONFIG_ENUM, source, mode), .names = modes},
    {FIELD(HG_CONFIG_TEXTS, source, missing)},
    {FIELD(HG_CONFIG_OBJECTS, source, columns),
     .fields = column_fields,
     .n_fields = 3,
     .item_size = sizeof(struct column)},
    {FIELD(HG_CONFIG_MAP, source, names)},
    {FIELD(HG_CONFIG_OBJECT, source, dialect), .fields = dialect_fields, .n_fields = 2},
    {FIELD(HG_CONFIG_JSON, source, extra)},
};
#define N_FIELDS (sizeof fields / sizeof fields[0])

static const char whole[] =
    "{\"path\":\"a\\u00e4\",\"header\":true,\"skip\":-3,\"limit\":9007199254740993,"
    "\"mode\":\"exact\",\"missing\":[\"NA\",\"\"],"
    "\"columns\":[{\"name\":\"x\",\"type\":\"utf8\"},{\"name\":\"y\",\"required\":true}],"
    "\"names\":{\"k\":\"v\"},\"dialect\":{\"quote\":\"'\",\"ratio\":0.5},"
    "\"extra\":{ \"n\": [1.50] }}";

static void test_every_type(void **state)
{
    (void)state;
    struct source s = {.limit = 1};
    assert_int_equal(hg_config_read(whole, fields, N_FIELDS, &s, NULL), HG_OK);
    assert_string_equal(s.path, "a\xC3\xA4");
    assert_true(s.header);
    assert_int_equal(s.skip, -3);
    assert_true(s.limit == 9007199254740993);
    assert_int_equal(s.mode, 1);
    assert_int_equal(s.missing.n, 2);
    assert_string_equal(((char **)s.missing.items)[0], "NA");
    assert_string_equal(((char **)s.missing.items)[1], "");
    const struct column *columns = s.columns.items;
    assert_int_equal(s.columns.n, 2);
    assert_string_equal(columns[0].name, "x");
    assert_int_equal(columns[0].type, 1);
    assert_string_equal(columns[1].name, "y");
    assert_true(columns[1].required);
    const struct hg_config_pair *names = s.names.items;
    assert_int_equal(s.names.n, 1);
    assert_string_equal(names[0].key, "k");
    assert_string_equal(names[0].value, "v");
    assert_string_equal(s.dialect.quote, "'");
    assert_true(s.dialect.ratio == 0.5);
    assert_string_equal(s.extra, "{\"n\":[1.50]}");
    hg_config_free(fields, N_FIELDS, &s);
    assert_null(s.path);
    assert_null(s.columns.items);
}

static void test_missing_and_null_keep_the_default(void **state)
{
    (void)state;
    struct source s = {.skip = 7, .header = true};
    assert_int_equal(hg_config_read("{\"path\":\"x\",\"skip\":null,\"missing\":\"one\","
                                    "\"extra\":\"q\\n\"}",
                                    fields,
                                    N_FIELDS,
                                    &s,
                                    NULL),
                     HG_OK);
    assert_int_equal(s.skip, 7);
    assert_true(s.header);
    assert_int_equal(s.missing.n, 1);
    assert_string_equal(((char **)s.missing.items)[0], "one");
    assert_string_equal(s.extra, "\"q\\n\"");
    hg_config_free(fields, N_FIELDS, &s);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *pointer;
        const char *message;
    } cases[] = {
        {"{}", "/path", "\"path\" is missing"},
        {"{\"path\":null}", "/path", "\"path\" is missing"},
        {"{\"path\":1}", "/path", "\"path\" wants a text and is a number"},
        {"{\"path\":\"a\\u0000\"}", "/path", "\"path\" holds the character U+0000"},
        {"{\"path\":\"a\",\"what\":1}", "/what", "\"what\" is no known key"},
        {"{\"path\":\"a\",\"a/b~\":1}", "/a~1b~0", "\"a/b~\" is no known key"},
        {"{\"path\":\"a\",\"path\":\"b\"}", "/path", "\"path\" is there twice"},
        {"{\"header\":1}", "/header", "\"header\" wants true or false and is a number"},
        {"{\"skip\":2147483648}",
         "/skip",
         "\"skip\" wants an integer of 32 bits and is 2147483648"},
        {"{\"limit\":1.5}", "/limit", "\"limit\" wants an integer of 64 bits and is 1.5"},
        {"{\"limit\":\"1\"}", "/limit", "\"limit\" wants an integer and is a string"},
        {"{\"mode\":\"slow\"}", "/mode", "\"mode\" does not know \"slow\""},
        {"{\"missing\":[\"a\",2]}", "/missing/1", "\"missing\" wants a text and is a number"},
        {"{\"missing\":{}}", "/missing", "\"missing\" wants a list and is an object"},
        {"{\"columns\":[{\"name\":\"a\"},{}]}", "/columns/1/name", "\"name\" is missing"},
        {"{\"columns\":[1]}", "/columns/0", "\"columns\" wants a list of objects and is a number"},
        {"{\"columns\":[{\"name\":\"a\",\"type\":\"u8\"}]}",
         "/columns/0/type",
         "\"type\" does not know \"u8\""},
        {"{\"names\":{\"k\":1}}", "/names/k", "\"names\" wants a text and is a number"},
        {"{\"names\":[]}", "/names", "\"names\" wants an object and is an array"},
        {"{\"dialect\":1}", "/dialect", "\"dialect\" wants an object and is a number"},
        {"{\"dialect\":{\"ratio\":true}}",
         "/dialect/ratio",
         "\"ratio\" wants a number that a float64 holds and is true"},
        {"[]", "", "the configuration is an array where an object was expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct source s = {0};
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_config_read(cases[i].json, fields, N_FIELDS, &s, &err), HG_EINVAL);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.pointer, cases[i].pointer);
        assert_null(s.path);
        assert_null(s.columns.items);
    }
    struct source s = {0};
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_config_read("{\"path\":\"x\"", fields, N_FIELDS, &s, &err), HG_EDATA);
    assert_string_equal(err.message,
                        "the configuration: not JSON at byte 11: the input ends inside an object");
    assert_int_equal(hg_config_read("{\"path\":\"x\"}}", fields, N_FIELDS, &s, &err), HG_EDATA);
    assert_null(s.path);
}

static void test_index_of_a_long_list(void **state)
{
    (void)state;
    char json[600] = "{\"missing\":[";
    for (int i = 0; i < 101; i++) {
        strncat(json, "\"a\",", sizeof json - strlen(json) - 1);
    }
    strncat(json, "0]}", sizeof json - strlen(json) - 1);
    struct source s = {0};
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_config_read(json, fields, N_FIELDS, &s, &err), HG_EINVAL);
    assert_string_equal(err.pointer, "/missing/101");
}

static void test_every_failing_allocation(void **state)
{
    (void)state;
    int n = 0;
    for (;; n++) {
        struct source s = {0};
        fail_alloc_arm(n);
        hg_status status = hg_config_read(whole, fields, N_FIELDS, &s, NULL);
        if (!fail_alloc_disarm()) {
            assert_int_equal(status, HG_OK);
            hg_config_free(fields, N_FIELDS, &s);
            break;
        }
        assert_int_equal(status, HG_ENOMEM);
        assert_null(s.path);
        assert_null(s.missing.items);
    }
    assert_true(n > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_missing_and_null_keep_the_default),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_index_of_a_long_list),
        cmocka_unit_test(test_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
