#include "plugin/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "plugin/check_test.h"
#include "plugin/child.h"
#include "plugin/descriptor.h"
#include "plugin/inspect.h"

#define DEFAULT_LIMIT_MS 10000

/* One plugin of the file; the file itself has kind 0. */
struct subject {
    int kind;
    const char *id;
};

struct checker {
    const struct hg_plugin_check_options *options;
    struct hg_child_limits limits;
    json_t *results; /* array of {"plugin", "test", "status", "detail"} */
    int n_failed;
    int n_passed;
    int n_skipped;
};

/* What the child is to do. */
struct work {
    const struct hg_check_test *test;
    struct hg_check *check;
};

static int run_test(void *arg, int output)
{
    struct work *work = arg;
    /* What the plugin prints is not to stand in the middle of the table. */
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    char status = (char)work->test->run(work->check);
    int r = hg_write_all(output, &status, 1, NULL);
    return r || hg_write_all(output, work->check->detail, strlen(work->check->detail), NULL);
}

static void record(struct checker *checker,
                   const struct hg_check_test *test,
                   const struct subject *subject,
                   char status,
                   const char *detail)
{
    static const struct {
        char status;
        const char *name;
    } names[] = {{HG_CHECK_PASS, "pass"}, {HG_CHECK_SKIP, "skip"}, {HG_CHECK_FAIL, "fail"}};
    const char *name = "fail";
    for (size_t i = 0; i < HG_COUNT(names); i++) {
        if (names[i].status == status) {
            name = names[i].name;
        }
    }
    *(status == HG_CHECK_PASS   ? &checker->n_passed
      : status == HG_CHECK_SKIP ? &checker->n_skipped
                                : &checker->n_failed) += 1;
    (void)json_array_append_new(checker->results,
                                json_pack("{s:s?, s:s, s:s, s:s, s:s}",
                                          "plugin",
                                          subject->id,
                                          "test",
                                          test->name,
                                          "says",
                                          test->says,
                                          "status",
                                          name,
                                          "detail",
                                          detail));
}

static void run_one(struct checker *checker,
                    const struct hg_check_test *test,
                    const struct subject *subject)
{
    struct hg_check check = {.file = checker->options->file,
                             .config_file = checker->options->config_file,
                             .kind = subject->kind,
                             .id = subject->id};
    struct work work = {test, &check};
    struct hg_child_result result;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_child_fork(run_test, &work, &checker->limits, &result, &err)) {
        record(checker, test, subject, HG_CHECK_FAIL, err.message);
        return;
    }
    char became[128];
    hg_child_describe(&result, &checker->limits, became, sizeof became);
    if (became[0]) {
        record(checker, test, subject, HG_CHECK_FAIL, became);
    } else if (result.output.len == 0) {
        record(checker, test, subject, HG_CHECK_FAIL, "ended before it had answered");
    } else {
        const char *text = hg_buf_text(&result.output);
        record(checker, test, subject, text[0], text + 1);
    }
    hg_child_result_free(&result);
}

static void run_tests(struct checker *checker,
                      const struct hg_check_test *tests,
                      size_t n,
                      const struct subject *subject)
{
    for (size_t i = 0; i < n; i++) {
        bool fits = tests[i].kind == subject->kind || (tests[i].kind == -1 && subject->kind);
        if (fits) {
            run_one(checker, &tests[i], subject);
        }
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Which plugins there are                                                                      */
/* ------------------------------------------------------------------------------------------ */

static int print_inspection(void *arg, int output)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *found = NULL;
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    if (hg_plugin_inspect(arg, &found, &err)) {
        return 1;
    }
    HG_CLEANUP(hg_freep) char *text = json_dumps(found, JSON_COMPACT);
    return !text || hg_write_all(output, text, strlen(text), NULL);
}

/* What the file says of itself, asked in a child; NULL when it cannot answer. */
static json_t *ask(const struct checker *checker)
{
    struct hg_child_result result;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *file = strdup(checker->options->file);
    if (!file || hg_child_fork(print_inspection, file, &checker->limits, &result, &err)) {
        return NULL;
    }
    json_t *found = hg_json_read(hg_buf_text(&result.output), result.output.len, 0, NULL);
    hg_child_result_free(&result);
    return found;
}

static void run_all(struct checker *checker, const json_t *found)
{
    const struct subject whole = {0, NULL};
    size_t i;
    json_t *entry;
    run_tests(checker, hg_check_file_tests, hg_check_n_file_tests, &whole);
    json_array_foreach (json_object_get(found, "plugins"), i, entry) {
        const struct subject plugin = {
            hg_descriptor_kind_parse(json_string_value(json_object_get(entry, "kind"))),
            json_string_value(json_object_get(entry, "id"))};
        if (checker->options->plugin && strcmp(checker->options->plugin, plugin.id) != 0) {
            continue;
        }
        run_tests(checker, hg_check_file_tests, hg_check_n_file_tests, &plugin);
        run_tests(checker, hg_check_connector_tests, hg_check_n_connector_tests, &plugin);
        run_tests(checker, hg_check_rule_tests, hg_check_n_rule_tests, &plugin);
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Telling                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static void print_table(const struct checker *checker, FILE *out)
{
    size_t i;
    json_t *row;
    json_array_foreach (checker->results, i, row) {
        const char *plugin = json_string_value(json_object_get(row, "plugin"));
        const char *detail = json_string_value(json_object_get(row, "detail"));
        (void)fprintf(out,
                      "%-4s  %-12s %-18s %s\n",
                      json_string_value(json_object_get(row, "status")),
                      plugin ? plugin : "(file)",
                      json_string_value(json_object_get(row, "test")),
                      detail[0] ? detail : json_string_value(json_object_get(row, "says")));
    }
    (void)fprintf(out,
                  "%d passed, %d failed, %d skipped\n",
                  checker->n_passed,
                  checker->n_failed,
                  checker->n_skipped);
}

static void print_json(const struct checker *checker, FILE *out)
{
    json_t *answer = json_pack("{s:s, s:i, s:i, s:i, s:O}",
                               "file",
                               checker->options->file,
                               "passed",
                               checker->n_passed,
                               "failed",
                               checker->n_failed,
                               "skipped",
                               checker->n_skipped,
                               "tests",
                               checker->results);
    if (answer) {
        (void)json_dumpf(answer, out, JSON_INDENT(2));
        (void)fputc('\n', out);
        json_decref(answer);
    }
}

int hg_plugin_check(const struct hg_plugin_check_options *options, FILE *out)
{
    struct checker checker = {
        .options = options,
        .limits = {.limit_ms = options->limit_ms > 0 ? options->limit_ms : DEFAULT_LIMIT_MS,
                   .max_bytes = (size_t)4 << 20,
                   .max_memory_bytes = (int64_t)1 << 30},
    };
    if (access(options->file, R_OK)) {
        (void)fprintf(stderr, "cannot read \"%s\"\n", options->file);
        return 2;
    }
    checker.results = json_array();
    if (!checker.results) {
        (void)fputs("out of memory\n", stderr);
        return 1;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *found = ask(&checker);
    run_all(&checker, found);
    if (options->json) {
        print_json(&checker, out);
    } else {
        print_table(&checker, out);
    }
    json_decref(checker.results);
    return fflush(out) || checker.n_failed > 0 ? 1 : 0;
}
