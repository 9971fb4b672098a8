/* Objects in the host's file and in files beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "config/fill.h"
#include "config/host_config.h"
#include "scratch.h"

struct thing {
    const char *name;
    const char *word;
    json_t *list;
    bool flag;
};

static const struct hg_object_member members[] = {
    {"name", HG_OBJECT_TEXT, true, offsetof(struct thing, name)},
    {"word", HG_OBJECT_SECRET, false, offsetof(struct thing, word)},
    {"list", HG_OBJECT_LIST, false, offsetof(struct thing, list)},
    {"flag", HG_OBJECT_FLAG, false, offsetof(struct thing, flag)},
    {NULL, HG_OBJECT_NONE, false, 0},
};

static char folder[HG_SCRATCH_BYTES];
static struct hg_host_config *config;
static struct hg_diagnostics diagnostics;

static void put_file(const char *name, const char *text)
{
    char path[HG_SCRATCH_BYTES + 64];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hg_write_file(path, 0600, text, strlen(text), NULL), HG_OK);
}

static void forget(void)
{
    hg_host_config_free(config);
    config = NULL;
    hg_diagnostics_free(&diagnostics);
}

static int set_up(void **state)
{
    char path[HG_SCRATCH_BYTES + 8];
    (void)state;
    if (hg_scratch_make("objects", folder) != 0) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/users", folder);
    return mkdir(path, 0700) != 0 || setenv("HG_TEST_WORD", "hidden", 1) != 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    return hg_scratch_remove(folder);
}

static int load(const char *text)
{
    char path[HG_SCRATCH_BYTES + 8];
    forget();
    put_file("h.yaml", text);
    (void)snprintf(path, sizeof path, "%s/h.yaml", folder);
    return hg_host_config_load(path, &config, &diagnostics, NULL);
}

static int read_thing(size_t i, struct thing *ret)
{
    *ret = (struct thing){.name = NULL};
    return hg_object_read(&config->users.items[i], members, ret, &diagnostics, NULL);
}

static void come_from_a_list_and_from_files(void **state)
{
    struct thing thing;
    (void)state;
    put_file("users/b.yaml", "- {name: b}\n- {name: c, flag: true, list: [1, x]}\n");
    put_file("users/a.yaml", "name: a\nword: ${HG_TEST_WORD}\n");
    put_file("users/empty.yaml", "# nobody\n");
    put_file("users/notes.txt", "name: nobody\n");
    assert_int_equal(load("users: [{name: first, word: \"${HG_TEST_WORD}\"}]\n"), HG_OK);
    assert_int_equal(config->users.n, 4);
    assert_string_equal(config->users.items[0].label, "h.yaml");
    assert_string_equal(config->users.items[1].label, "users/a.yaml");
    assert_string_equal(config->users.items[3].label, "users/b.yaml");
    assert_int_equal(read_thing(0, &thing), HG_OK);
    assert_string_equal(thing.name, "first");
    assert_string_equal(thing.word, "hidden");
    assert_int_equal(read_thing(1, &thing), HG_OK);
    assert_string_equal(thing.word, "hidden");
    assert_false(thing.flag);
    assert_int_equal(read_thing(3, &thing), HG_OK);
    assert_string_equal(thing.name, "c");
    assert_true(thing.flag);
    assert_int_equal(json_array_size(thing.list), 2);
    json_decref(thing.list);
    hg_host_config_forget_objects(config);
    assert_int_equal(config->users.n, 0);
}

/* What a secret looks like is chance: filled in, it is a text. */
static void secrets_are_texts(void **state)
{
    static const char *const values[] = {"123456789012", "true", "null", "1.5"};
    struct thing thing;
    (void)state;
    for (size_t i = 0; i < HG_COUNT(values); i++) {
        assert_int_equal(setenv("HG_TEST_WORD", values[i], 1), 0);
        assert_int_equal(load("users:\n  - name: a\n    word: ${HG_TEST_WORD}\n"), HG_OK);
        assert_int_equal(read_thing(0, &thing), HG_OK);
        assert_string_equal(thing.word, values[i]);
    }
}

static const struct {
    const char *text;
    int line;
    int column;
    const char *message;
} wrongs[] = {
    {"users:\n  - {word: \"${HG_TEST_WORD}\"}\n", 2, 5, "the key \"name\" is missing"},
    {"users:\n  - {name: a, nmae: b}\n", 2, 15, "unknown key \"nmae\""},
    {"users:\n  - {name: 3}\n", 2, 12, "name: found something else, expected a text"},
    {"users:\n  - {name: \"\"}\n", 2, 12, "name: found something else, expected a text"},
    {"users:\n  - {name: [a]}\n", 2, 12, "name: found something else, expected a text"},
    {"users:\n  - {name: a, list: b}\n", 2, 21, "list: found something else, expected a list"},
    {"users:\n  - {name: a, flag: b}\n", 2, 21, "flag: found something else, expected true"},
    {"users:\n  - name: a\n    word: hidden\n",
     3,
     11,
     "word: found something else, expected ${NAME}"},
    {"users:\n  - name: a\n    word: x${HG_TEST_WORD}\n", 3, 11, "word: found something else"},
    {"users:\n  - name: a\n    word: $${HG_TEST_WORD}\n", 3, 11, "word: found something else"},
};

static void wrong_ones_are_named_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(wrongs); i++) {
        struct thing thing;
        assert_int_equal(load(wrongs[i].text), HG_OK);
        assert_int_equal(read_thing(0, &thing), HG_EINVAL);
        assert_int_equal(diagnostics.n, 1);
        const struct hg_diagnostic *told = &diagnostics.items[0];
        if (strncmp(told->message, wrongs[i].message, strlen(wrongs[i].message)) != 0 ||
            told->line != wrongs[i].line || told->column != wrongs[i].column) {
            fail_msg("%zu: %d:%d: %s", i, told->line, told->column, told->message);
        }
        assert_null(strstr(told->message, "hidden"));
        json_decref(thing.list);
    }
}

static void wrong_lists_are_errors_of_the_configuration(void **state)
{
    static const char *const texts[] = {
        "users: {name: a}\n",
        "users: [a]\n",
        "users:\n  - name: a\n    word: ${HG_TEST_IS_NOT_SET}\n",
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        assert_int_equal(load(texts[i]), HG_EINVAL);
        assert_int_equal(diagnostics.n, 1);
    }
    put_file("users/bad.yaml", "just a word\n");
    assert_int_equal(load(""), HG_EINVAL);
    assert_non_null(strstr(diagnostics.items[0].file, "/users/bad.yaml"));
    assert_int_equal(diagnostics.items[0].line, 1);
}

static void one_reference_and_nothing_else(void **state)
{
    (void)state;
    assert_true(hg_fill_is_reference("${A}"));
    assert_true(hg_fill_is_reference("${file:a b}"));
    assert_false(hg_fill_is_reference("${A}${B}"));
    assert_false(hg_fill_is_reference("$${A}"));
    assert_false(hg_fill_is_reference("${A"));
    assert_false(hg_fill_is_reference("A"));
    assert_false(hg_fill_is_reference(""));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(come_from_a_list_and_from_files),
        TEST(secrets_are_texts),
        TEST(wrong_ones_are_named_with_their_place),
        TEST(wrong_lists_are_errors_of_the_configuration),
        cmocka_unit_test(one_reference_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
