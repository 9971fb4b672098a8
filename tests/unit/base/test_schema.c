/* JSON Schema: our own cases. The published ones are in test_schema_suite.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/schema.h"
#include "base/schema_defaults.h"

static json_t *json(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!value) {
        print_error("%s\n", text);
    }
    assert_non_null(value);
    return value;
}

static void write_down(void *arg, const char *pointer, const char *detail, const char *hint)
{
    hg_buf_printf(arg, "%s: %s%s%s\n", pointer, detail, hint[0] ? " | " : "", hint);
}

/* The violations, one a line. Owned by the caller. */
static char *violations(const char *schema_text, const char *value_text)
{
    HG_CLEANUP(hg_json_decrefp) json_t *schema = json(schema_text);
    HG_CLEANUP(hg_json_decrefp) json_t *value = json(value_text);
    struct hg_buf said = HG_BUF_INIT;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_schema_check(schema, &err) < 0) {
        print_error("%s: %s\n", schema_text, err.message);
    }
    assert_int_equal(hg_schema_check(schema, NULL), HG_OK);
    int n = hg_schema_validate(schema, value, write_down, &said);
    int lines = 0;
    for (const char *c = hg_buf_text(&said); *c; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(n, lines);
    assert_int_equal(hg_schema_validate(schema, value, NULL, NULL) > 0, n > 0);
    return hg_buf_take(&said);
}

static const struct {
    const char *schema;
    const char *value;
    const char *said;
} cases[] = {
    {"true", "1", ""},
    {"false", "1", ": found the number 1, expected nothing here\n"},
    {"{}", "[1]", ""},
    {"{\"type\":\"string\"}", "3", ": found the number 3, expected a text\n"},
    {"{\"type\":\"integer\"}", "3.0", ""},
    {"{\"type\":\"integer\"}", "3.5", ": found the number 3.5, expected a whole number\n"},
    {"{\"type\":[\"integer\",\"null\"]}",
     "\"x\"",
     ": found the text \"x\", expected a whole number or null\n"},
    {"{\"enum\":[\"append\",\"merge\"]}",
     "\"merg\"",
     ": found the text \"merg\", expected one of \"append\", \"merge\" | Did you mean "
     "\"merge\"?\n"},
    {"{\"enum\":[1]}", "1.0", ""},
    {"{\"const\":{\"a\":[1]}}", "{\"a\":[1.0]}", ""},
    {"{\"const\":5}", "6", ": found the number 6, expected 5\n"},
    {"{\"minimum\":1,\"maximum\":3}", "0", ": found the number 0, expected at least 1\n"},
    {"{\"exclusiveMaximum\":3}", "3", ": found the number 3, expected less than 3\n"},
    {"{\"exclusiveMinimum\":3}", "3", ": found the number 3, expected more than 3\n"},
    {"{\"maximum\":9007199254740992}",
     "9007199254740993",
     ": found the number 9007199254740993, expected at most 9007199254740992\n"},
    {"{\"maximum\":9.007199254740992e15}",
     "9007199254740993",
     ": found the number 9007199254740993, expected at most 9007199254740992.0\n"},
    {"{\"minimum\":-9.3e18,\"maximum\":9.3e18}", "9223372036854775807", ""},
    {"{\"multipleOf\":0.01}", "19.99", ""},
    {"{\"multipleOf\":0.01}", "19.995", ": found the number 19.995, expected a multiple of 0.01\n"},
    {"{\"minLength\":2}",
     "\"\xC3\xA9\"",
     ": found the text \"\xC3\xA9\", expected at least 2 characters\n"},
    {"{\"maxLength\":2}", "\"\xC3\xA9\xC3\xA9\"", ""},
    {"{\"pattern\":\"^a+$\"}",
     "\"aab\"",
     ": found the text \"aab\", expected a text that matches ^a+$\n"},
    {"{\"pattern\":\"^a$\",\"description\":\"The letter a.\"}",
     "\"b\"",
     ": found the text \"b\", expected the letter a\n"},
    {"{\"pattern\":\"^a$\",\"description\":\"OK\"}",
     "\"b\"",
     ": found the text \"b\", expected OK\n"},
    {"{\"pattern\":\"^a$\"}",
     "\"a\\n\"",
     ": found the text \"a\\n\", expected a text that matches ^a$\n"},
    {"{\"format\":\"date\"}",
     "\"2026-02-30\"",
     ": found the text \"2026-02-30\", expected a date such as 2026-11-25\n"},
    {"{\"format\":\"color\"}", "\"zzz\"", ""},
    {"{\"minItems\":1}", "[]", ": found a list, expected at least 1 items, not 0\n"},
    {"{\"maxItems\":1}", "[1,2]", ": found a list, expected at most 1 items, not 2\n"},
    {"{\"uniqueItems\":true}",
     "[1,2,1.0]",
     ": found a list, expected different items: items 0 and 2 are equal\n"},
    {"{\"items\":{\"type\":\"string\"}}",
     "[\"a\",1,2]",
     "/1: found the number 1, expected a text\n/2: found the number 2, expected a text\n"},
    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}",
     "[1,2]",
     "/0: found the number 1, expected a text\n/1: found the number 2, expected nothing here\n"},
    {"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", ": the key \"b\" is missing\n"},
    {"{\"properties\":{\"schedule\":{}},\"additionalProperties\":false}",
     "{\"shedule\":1}",
     "/shedule: unknown key \"shedule\" | Did you mean \"schedule\"?\n"},
    {"{\"properties\":{\"abc\":{},\"def\":{}},\"additionalProperties\":false}",
     "{\"zzzz\":1}",
     "/zzzz: unknown key \"zzzz\" | The keys here are abc, def.\n"},
    {"{\"additionalProperties\":{\"type\":\"null\"}}",
     "{\"a/b\":1}",
     "/a~1b: found the number 1, expected null\n"},
    {"{\"patternProperties\":{\"^x_\":{\"type\":\"string\"}},\"additionalProperties\":false}",
     "{\"x_a\":1}",
     "/x_a: found the number 1, expected a text\n"},
    {"{\"propertyNames\":{\"maxLength\":2}}",
     "{\"abc\":1}",
     "/abc: found the text \"abc\", expected at most 2 characters\n"},
    {"{\"minProperties\":1}", "{}", ": found an object, expected at least 1 keys\n"},
    {"{\"maxProperties\":0}", "{\"a\":1}", ": found an object, expected at most 0 keys\n"},
    /* Only the form that takes objects can have been meant. */
    {"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"object\",\"properties\":{\"max\":{\"type\":"
     "\"integer\"}}}]}",
     "{\"max\":\"x\"}",
     "/max: found the text \"x\", expected a whole number\n"},
    {"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"object\"}]}",
     "\"x\"",
     ": found the text \"x\", expected a whole number or an object\n"},
    {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":5}]}",
     "3",
     ": found the number 3, expected exactly one of the accepted forms, not 2 of them\n"},
    {"{\"not\":{\"title\":\"a number\",\"type\":\"number\"}}",
     "3",
     ": found the number 3, expected anything but a number\n"},
    {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":[\"c\"]"
     "}}",
     "{\"a\":1}",
     ": the key \"b\" is missing\n"},
    {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":[\"c\"]"
     "}}",
     "{}",
     ": the key \"c\" is missing\n"},
    {"{\"$defs\":{\"a~b/c\":{\"type\":\"null\"}},\"items\":{\"$ref\":\"#/$defs/a~0b~1c\"}}",
     "[1]",
     "/0: found the number 1, expected null\n"},
    {"{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
     "{\"next\":{\"next\":{\"x\":1}}}",
     "/next/next/x: unknown key \"x\" | The keys here are next.\n"},
    /* What is long is cut, at a whole character. */
    {"{\"type\":\"null\"}",
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xC3\xA9\xC3\xA9\"",
     ": found the text \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"..., "
     "expected null\n"},
    /* Secrets are not quoted, at any depth. */
    {"{\"properties\":{\"key\":{\"writeOnly\":true,\"items\":{\"pattern\":\"^k\"}}}}",
     "{\"key\":[\"hunter2\"]}",
     "/key/0: found a value that is kept secret, expected a text that matches ^k\n"},
    {"{\"writeOnly\":true,\"enum\":[\"hunter1\"]}",
     "\"hunter2\"",
     ": found a value that is kept secret, expected \"hunter1\"\n"},
};

static void says_what_breaks_the_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char *said = violations(cases[i].schema, cases[i].value);
        if (strcmp(said, cases[i].said) != 0) {
            print_error("%s against %s\n", cases[i].value, cases[i].schema);
        }
        assert_string_equal(said, cases[i].said);
        free(said);
    }
}

static void refuses_bad_schemas(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *pointer;
        const char *said;
        const char *hint;
    } bad[] = {
        {"1", "", "a schema must be an object", ""},
        {"{\"typ\":\"string\"}",
         "",
         "uses \"typ\", which is not supported",
         "Did you mean \"type\"?"},
        {"{\"contains\":{}}", "", "uses \"contains\"", ""},
        {"{\"type\":\"text\"}", "", "\"type\" must be one or several of", ""},
        {"{\"type\":[]}", "", "\"type\" must be", ""},
        {"{\"properties\":{\"a/b\":{\"minLength\":-1}}}",
         "/properties/a~1b",
         "\"minLength\" must be a whole number of at least 0",
         ""},
        {"{\"items\":{\"allOf\":[{},{\"required\":[1]}]}}",
         "/items/allOf/1",
         "\"required\" must be a list of names",
         ""},
        {"{\"pattern\":\"(\"}", "", "is no regular expression", ""},
        {"{\"patternProperties\":{\"[\":{}}}", "", "is no regular expression", ""},
        {"{\"multipleOf\":0}", "", "a number above 0", ""},
        {"{\"anyOf\":[]}", "", "at least one schema", ""},
        {"{\"uniqueItems\":1}", "", "true or false", ""},
        {"{\"enum\":1}", "", "a list", ""},
        {"{\"title\":1}", "", "a text", ""},
        {"{\"minimum\":\"1\"}", "", "a number", ""},
        {"{\"properties\":[]}", "", "an object of schemas", ""},
        {"{\"not\":{\"$ref\":\"#/$defs/gone\"}}", "/not", "which is not there", "$defs"},
        {"{\"$ref\":\"http://example.org/s\"}", "", "which is not there", "$defs"},
        {"{\"$ref\":\"#/properties/a\",\"properties\":{\"a\":{}}}", "", "which is not there", ""},
    };
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *schema = json(bad[i].schema);
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_schema_check(schema, &err), HG_EINVAL);
        if (!strstr(err.message, bad[i].said) || strcmp(err.pointer, bad[i].pointer) != 0) {
            print_error("%s: %s at %s\n", bad[i].schema, err.message, err.pointer);
        }
        assert_non_null(strstr(err.message, bad[i].said));
        assert_string_equal(err.pointer, bad[i].pointer);
        assert_non_null(strstr(err.hint, bad[i].hint));
    }
    HG_CLEANUP(hg_buf_free) struct hg_buf deep = HG_BUF_INIT;
    for (int i = 0; i < 100; i++) {
        hg_buf_puts(&deep, "{\"not\":");
    }
    hg_buf_puts(&deep, "{}");
    for (int i = 0; i < 100; i++) {
        hg_buf_putc(&deep, '}');
    }
    HG_CLEANUP(hg_json_decrefp) json_t *schema = json(hg_buf_text(&deep));
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_schema_check(schema, &err), HG_EINVAL);
    assert_non_null(strstr(err.message, "nested deeper than 64 levels"));
}

static void bounds_its_work(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *value;
        const char *said;
    } hostile[] = {
        {"{\"$ref\":\"#\"}", "1", "more steps than are allowed"},
        {"{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "1", "more steps than are allowed"},
        {"{\"not\":{\"$ref\":\"#\"}}", "1", "more steps than are allowed"},
        {"{\"pattern\":\"^(a+)+$\"}",
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
         "can decide in bounded time"},
    };
    for (size_t i = 0; i < HG_COUNT(hostile); i++) {
        char *said = violations(hostile[i].schema, hostile[i].value);
        assert_non_null(strstr(said, hostile[i].said));
        free(said);
    }
    /* Comparing each item with each other one is work as well. */
    HG_CLEANUP(hg_json_decrefp) json_t *list = json_array();
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(json_array_append_new(list, json_integer(i)), 0);
    }
    HG_CLEANUP(hg_json_decrefp) json_t *schema = json("{\"uniqueItems\":true}");
    assert_int_equal(hg_schema_validate(schema, list, NULL, NULL), 1);
}

static void fills_in_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *value;
        const char *filled;
    } defaults[] = {
        {"{\"properties\":{\"a\":{\"default\":1},\"b\":{\"default\":2}}}",
         "{\"b\":3}",
         "{\"a\":1,\"b\":3}"},
        {"{\"properties\":{\"a\":{\"default\":{},\"properties\":{\"b\":{\"default\":[1]}}}}}",
         "{}",
         "{\"a\":{\"b\":[1]}}"},
        {"{\"items\":{\"properties\":{\"a\":{\"default\":null}}}}",
         "[{},{\"a\":1},2]",
         "[{\"a\":null},{\"a\":1},2]"},
        {"{\"$defs\":{\"d\":{\"properties\":{\"a\":{\"default\":1}}}},\"$ref\":\"#/$defs/d\"}",
         "{}",
         "{\"a\":1}"},
        {"{\"allOf\":[{\"properties\":{\"a\":{\"default\":1}}},{\"properties\":{\"b\":{\"default\":"
         "2}}}]}",
         "{}",
         "{\"a\":1,\"b\":2}"},
        /* Of several forms only the one that fits. */
        {"{\"anyOf\":[{\"required\":[\"x\"],\"properties\":{\"a\":{\"default\":1}}},{"
         "\"properties\":"
         "{\"b\":{\"default\":2}}}]}",
         "{}",
         "{\"b\":2}"},
        {"{\"default\":5}", "{}", "{}"},
    };
    for (size_t i = 0; i < HG_COUNT(defaults); i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *schema = json(defaults[i].schema);
        HG_CLEANUP(hg_json_decrefp) json_t *value = json(defaults[i].value);
        HG_CLEANUP(hg_json_decrefp) json_t *filled = json(defaults[i].filled);
        assert_int_equal(hg_schema_apply_defaults(schema, value), HG_OK);
        assert_true(json_equal(value, filled));
    }
    /* Without end. */
    HG_CLEANUP(hg_json_decrefp)
    json_t *endless = json("{\"properties\":{\"a\":{\"default\":{},\"$ref\":\"#\"}}}");
    HG_CLEANUP(hg_json_decrefp) json_t *value = json_object();
    assert_int_equal(hg_schema_apply_defaults(endless, value), HG_ETOOBIG);
    /* Defaults are copies: changing the value leaves the schema alone. */
    HG_CLEANUP(hg_json_decrefp) json_t *schema = json("{\"properties\":{\"a\":{\"default\":[]}}}");
    HG_CLEANUP(hg_json_decrefp) json_t *first = json_object();
    HG_CLEANUP(hg_json_decrefp) json_t *second = json_object();
    assert_int_equal(hg_schema_apply_defaults(schema, first), HG_OK);
    assert_int_equal(json_array_append_new(json_object_get(first, "a"), json_integer(1)), 0);
    assert_int_equal(hg_schema_apply_defaults(schema, second), HG_OK);
    assert_int_equal(json_array_size(json_object_get(second, "a")), 0);
}

static void checks_formats(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        const char *text;
        bool valid;
    } formats[] = {
        {"date", "2024-02-29", true},
        {"date", "2023-02-29", false},
        {"date", "2024-2-29", false},
        {"date-time", "2026-11-25T02:07:47Z", true},
        {"date-time", "2026-11-25T02:07:47.5+01:00", true},
        {"date-time", "2026-11-25 02:07:47Z", false},
        {"date-time", "1998-12-31T23:59:60Z", true},
        {"date-time", "1998-12-31T22:59:60Z", false},
        {"uri", "https://u@example.org:443/a?b=c#d", true},
        {"uri", "postgresql://[::1]:5432/x", true},
        {"uri", "example.org/a", false},
        {"uri", "http://a b", false},
        {"uri", "http://a/%zz", false},
        {"uri", "http://a:x/", false},
        {"uri", "a:#b#c", false},
        {"email", "a.b+c@example.org", true},
        {"email", "a@[127.0.0.1]", true},
        {"email", "a@[127.0.0.300]", false},
        {"email", "a@@b", false},
        {"email", ".a@b.c", false},
        {"email", "a@b..c", false},
        {"email", "example.org", false},
    };
    for (size_t i = 0; i < HG_COUNT(formats); i++) {
        HG_CLEANUP(hg_json_decrefp)
        json_t *schema = json_pack("{s:s}", "format", formats[i].format);
        HG_CLEANUP(hg_json_decrefp) json_t *value = json_string(formats[i].text);
        int n = hg_schema_validate(schema, value, NULL, NULL);
        if ((n == 0) != formats[i].valid) {
            print_error("%s %s\n", formats[i].format, formats[i].text);
        }
        assert_int_equal(n, formats[i].valid ? 0 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_breaks_the_schema),
        cmocka_unit_test(refuses_bad_schemas),
        cmocka_unit_test(bounds_its_work),
        cmocka_unit_test(fills_in_defaults),
        cmocka_unit_test(checks_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
