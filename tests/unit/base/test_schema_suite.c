/*
 * The published JSON-Schema-Test-Suite, for the keywords that base/schema.h claims. It is looked
 * for in $HG_JSON_SCHEMA_SUITE, .tools/json-schema-test-suite/tests (draft 2020-12) and where
 * Debian's package json-schema-test-suite puts it (draft 7, whose shared keywords mean the same);
 * without any of them the test says so and is skipped.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/schema.h"

static const char *const files[] = {
    "additionalProperties",
    "allOf",
    "anyOf",
    "boolean_schema",
    "const",
    "default",
    "defs",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if-then-else",
    "infinite-loop-detection",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "ref",
    "required",
    "type",
    "uniqueItems",
    "optional/format/date",
    "optional/format/date-time",
    "optional/format/email",
    "optional/format/uri",
    "optional/ecmascript-regex",
    "optional/float-overflow",
    "optional/non-bmp-regex",
};

/* Where we differ, and why. */
static const struct {
    const char *group;
    const char *test; /* NULL: all of the group */
} known[] = {
    /* Our \s is ASCII, as \d and \w are in both; ECMAScript's takes Unicode's spaces too. */
    {"ECMA 262 \\s matches whitespace", "zero-width whitespace matches"},
    {"ECMA 262 \\s matches whitespace", "latin-1 non-breaking-space matches"},
    {"ECMA 262 \\s matches whitespace", "paragraph separator matches (line terminator)"},
    {"ECMA 262 \\s matches whitespace", "EM SPACE matches (Space_Separator)"},
    {"ECMA 262 \\S matches everything but whitespace", NULL},
    /* Draft 7's case of `format: regex`, which is not checked. */
    {"ECMA 262 regex non-compliance", NULL},
};

static const char *suite_folder(bool *ret_draft7)
{
    static char path[4096];
    const char *given = getenv("HG_JSON_SCHEMA_SUITE");
    const char *source = getenv("HG_SOURCE_DIR");
    const char *roots[] = {given, NULL, "/usr/share/json-schema-test-suite/tests"};
    char tools[2048];
    (void)snprintf(
        tools, sizeof tools, "%s/.tools/json-schema-test-suite/tests", source ? source : ".");
    roots[1] = tools;
    for (int draft7 = 0; draft7 < 2; draft7++) {
        for (size_t i = 0; i < HG_COUNT(roots); i++) {
            (void)snprintf(path,
                           sizeof path,
                           "%s/%s",
                           roots[i] ? roots[i] : "",
                           draft7 ? "draft7" : "draft2020-12");
            if (roots[i] && access(path, R_OK) == 0) {
                *ret_draft7 = draft7 == 1;
                return path;
            }
        }
    }
    return NULL;
}

static bool is_known(const char *group, const char *test)
{
    for (size_t i = 0; i < HG_COUNT(known); i++) {
        if (strcmp(known[i].group, group) == 0 &&
            (!known[i].test || strcmp(known[i].test, test) == 0)) {
            return true;
        }
    }
    return false;
}

struct tally {
    int ran;
    int failed;
    int refused;
};

static void run_group(const char *file, const json_t *group, struct tally *tally)
{
    const json_t *schema = json_object_get(group, "schema");
    const char *name = json_string_value(json_object_get(group, "description"));
    if (hg_schema_check(schema, NULL) < 0) {
        tally->refused++;
        return;
    }
    size_t i;
    json_t *test;
    json_array_foreach (json_object_get(group, "tests"), i, test) {
        const char *what = json_string_value(json_object_get(test, "description"));
        if (is_known(name, what)) {
            continue;
        }
        bool expected = json_is_true(json_object_get(test, "valid"));
        int found = hg_schema_validate(schema, json_object_get(test, "data"), NULL, NULL);
        tally->ran++;
        if (found < 0 || expected != (found == 0)) {
            print_error("%s: %s: %s: expected %s, %d violations\n",
                        file,
                        name,
                        what,
                        expected ? "valid" : "invalid",
                        found);
            tally->failed++;
        }
    }
}

static void run_file(const char *folder, const char *file, struct tally *tally)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.json", folder, file);
    HG_CLEANUP(hg_json_decrefp) json_t *groups = json_load_file(path, JSON_ALLOW_NUL, NULL);
    if (!groups) {
        return; /* not in this version of the suite, or with integers that jansson has no room for
                 */
    }
    size_t i;
    json_t *group;
    json_array_foreach (groups, i, group) {
        run_group(file, group, tally);
    }
}

static void passes_the_published_suite(void **state)
{
    (void)state;
    bool draft7 = false;
    const char *folder = suite_folder(&draft7);
    if (!folder) {
        print_message("SKIPPED: no JSON-Schema-Test-Suite on this machine\n");
        skip();
    }
    struct tally tally = {0};
    for (size_t i = 0; i < HG_COUNT(files); i++) {
        bool differs = draft7 && (strcmp(files[i], "ref") == 0 || strcmp(files[i], "items") == 0);
        if (!differs) {
            run_file(folder, files[i], &tally);
        }
    }
    print_message("%s: %d cases, %d failed, %d groups with keywords that are refused\n",
                  folder,
                  tally.ran,
                  tally.failed,
                  tally.refused);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.ran > (draft7 ? 300 : 600));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_the_published_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
