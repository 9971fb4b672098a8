/*
 * The host's log: its two forms, whatever a stranger puts into a field, and what a thread adds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "scratch.h"

static char folder[HG_SCRATCH_BYTES];
static char path[128];
static int own_stderr = -1;

static int setup(void **state)
{
    (void)state;
    if (hg_scratch_make("log", folder) != 0) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/stderr", folder);
    return 0;
}

static void give_stderr_back(void)
{
    if (own_stderr >= 0) {
        (void)dup2(own_stderr, STDERR_FILENO);
        hg_closep(&own_stderr);
    }
}

static int teardown(void **state)
{
    (void)state;
    give_stderr_back();
    hg_log_configure(HG_LOG_INFO, false);
    return hg_scratch_remove(folder);
}

static void begin(bool json)
{
    hg_log_configure(HG_LOG_INFO, json);
    HG_CLEANUP(hg_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(own_stderr >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
}

/* What was logged since; owned by the caller. */
static char *end(void)
{
    char *text = NULL;
    size_t n = 0;
    give_stderr_back();
    assert_int_equal(hg_read_file(path, 32 << 20, &text, &n, NULL), HG_OK);
    assert_int_equal(strlen(text), n);
    return text;
}

/* The one line that was logged, as JSON. */
static json_t *end_json(void)
{
    HG_CLEANUP(hg_freep) char *text = end();
    json_error_t why;
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (!line) {
        fail_msg("%s: %s", why.text, text);
    }
    return line;
}

static const char *text_at(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text ? text : "";
}

static void test_text(void **state)
{
    (void)state;
    begin(false);
    hg_log(HG_LOG_DEBUG, "not this", NULL);
    hg_log(HG_LOG_WARNING,
           "run ended",
           "status",
           "failed",
           "#duration_ms",
           "25",
           "none",
           NULL,
           "error",
           "a b",
           NULL);
    HG_CLEANUP(hg_freep) char *text = end();
    assert_null(strstr(text, "not this"));
    assert_non_null(
        strstr(text, "Z warning run ended status=failed duration_ms=25 error=\"a b\"\n"));
}

static void test_json(void **state)
{
    (void)state;
    begin(true);
    hg_log(HG_LOG_ERROR,
           "run ended",
           "status",
           "failed",
           "#duration_ms",
           "25",
           "#rows",
           "007",
           "#n",
           "x",
           "user",
           "12",
           NULL);
    HG_CLEANUP(hg_json_decrefp) json_t *line = end_json();
    assert_string_equal(text_at(line, "level"), "error");
    assert_string_equal(text_at(line, "message"), "run ended");
    assert_int_equal(strlen(text_at(line, "at")), strlen("2026-11-27T11:12:48.804Z"));
    assert_string_equal(text_at(line, "status"), "failed");
    assert_int_equal(json_integer_value(json_object_get(line, "duration_ms")), 25);
    assert_string_equal(text_at(line, "rows"), "007"); /* no number in JSON */
    assert_string_equal(text_at(line, "n"), "x");
    assert_string_equal(text_at(line, "user"), "12"); /* texts stay texts */
}

static const char *const hostile[] = {
    "a\nb",
    "a\r\n2026-11-27T11:12:48.804Z error   forged",
    "\x1b[2J\x1b]0;title\x07",
    "\xc2\x9b[31m",
    "\x7f\x01\x08",
    "\xff\xfe\xc3",
    "a=b c=\"d\"",
    "\\\"",
    "{\"level\":\"error\"}",
    "",
};

/* Every value stays in its field: one line, no byte that a terminal obeys. */
static void test_hostile_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(hostile); i++) {
        begin(false);
        hg_log(HG_LOG_INFO, "said", "value", hostile[i], "after", "x", NULL);
        HG_CLEANUP(hg_freep) char *text = end();
        size_t n = strlen(text);
        for (size_t k = 0; k + 1 < n; k++) {
            unsigned char c = (unsigned char)text[k];
            assert_true(c >= ' ' && c != 0x7F);
            assert_false(c == 0xC2 && (unsigned char)text[k + 1] < 0xA0);
        }
        assert_int_equal(text[n - 1], '\n');
        assert_non_null(strstr(text, " value=\""));
        assert_string_equal(text + n - strlen(" after=x\n"), " after=x\n");

        begin(true);
        hg_log(HG_LOG_INFO, "said", "value", hostile[i], NULL);
        HG_CLEANUP(hg_json_decrefp) json_t *line = end_json();
        assert_string_equal(text_at(line, "level"), "info");
        if (i != 5) {
            assert_string_equal(text_at(line, "value"), hostile[i]);
        }
    }
}

static void test_long_values_are_cut(void **state)
{
    enum { LONG = 10 << 20 };
    static const char *const letters[] = {"x", "\xc3\xa9", "\xff"};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(letters); i++) {
        HG_CLEANUP(hg_freep) char *value = malloc(LONG + 1);
        size_t n_letter = strlen(letters[i]);
        for (size_t at = 0; at < LONG; at++) {
            value[at] = letters[i][(at + 1) % n_letter];
        }
        value[LONG] = '\0';
        memcpy(value, letters[i], n_letter);
        for (int json = 0; json < 2; json++) {
            begin(json == 1);
            hg_log(HG_LOG_INFO, "said", "name", value, NULL);
            HG_CLEANUP(hg_freep) char *text = end();
            assert_in_range(strlen(text), HG_LOG_VALUE_MAX, 3 * HG_LOG_VALUE_MAX + 200);
            assert_non_null(strstr(text, "... (10485760 bytes in all)\""));
        }
    }
}

static void *log_elsewhere(void *arg)
{
    hg_log(HG_LOG_INFO, "elsewhere", NULL);
    return arg;
}

static void log_inside(void)
{
    HG_CLEANUP(hg_log_leave) struct hg_log_scope run;
    HG_CLEANUP(hg_log_leave) struct hg_log_scope attempt;
    hg_log_enter(&run, "run_id", "r1");
    hg_log_enter(&attempt, "#attempt", "3");
    hg_log(HG_LOG_INFO, "inside", NULL);
    hg_log(HG_LOG_INFO, "own", "run_id", "r2", NULL);
}

/* What a thread is at work for stands in its lines, and in nobody else's. */
static void test_fields_of_a_scope(void **state)
{
    (void)state;
    begin(true);
    {
        HG_CLEANUP(hg_log_leave) struct hg_log_scope request;
        pthread_t thread;
        hg_log_enter(&request, "request_id", "q1");
        log_inside();
        hg_log(HG_LOG_INFO, "outside", NULL);
        assert_int_equal(pthread_create(&thread, NULL, log_elsewhere, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    hg_log(HG_LOG_INFO, "after", NULL);
    HG_CLEANUP(hg_freep) char *text = end();
    assert_non_null(strstr(
        text, "\"message\":\"inside\",\"attempt\":3,\"run_id\":\"r1\",\"request_id\":\"q1\"}\n"));
    assert_non_null(strstr(
        text, "\"message\":\"own\",\"run_id\":\"r2\",\"attempt\":3,\"request_id\":\"q1\"}\n"));
    assert_non_null(strstr(text, "\"message\":\"outside\",\"request_id\":\"q1\"}\n"));
    assert_non_null(strstr(text, "\"message\":\"elsewhere\"}\n"));
    assert_non_null(strstr(text, "\"message\":\"after\"}\n"));
}

/* No key stands twice in a line, whatever a call or a scope names its fields. */
static void test_names_of_the_line(void **state)
{
    (void)state;
    begin(true);
    {
        HG_CLEANUP(hg_log_leave) struct hg_log_scope scope;
        hg_log_enter(&scope, "message", "of the scope");
        hg_log(HG_LOG_INFO, "said", "message", "mine", "at", "8:1", "#level", "3", NULL);
    }
    HG_CLEANUP(hg_json_decrefp) json_t *line = end_json();
    assert_string_equal(text_at(line, "message"), "said");
    assert_string_equal(text_at(line, "level"), "info");
    assert_string_equal(text_at(line, "field_message"), "mine");
    assert_string_equal(text_at(line, "field_at"), "8:1");
    assert_string_equal(text_at(line, "field_level"), "3");
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_text),
        LOG_TEST(test_json),
        LOG_TEST(test_hostile_values),
        LOG_TEST(test_long_values_are_cut),
        LOG_TEST(test_fields_of_a_scope),
        LOG_TEST(test_names_of_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
