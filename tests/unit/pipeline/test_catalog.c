/* Pipeline files and what becomes of them in the database. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/principal.h"
#include "pipeline/pause.h"
#include "service_fixture.h"

static json_t *pipeline(const char *id)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *form = NULL;
    must(hg_pipelines_get(fixture.service, id, &form, &err), &err);
    return form;
}

static void assert_pipeline(const char *id, const char *status, int version, int n_errors)
{
    HG_CLEANUP(hg_json_decrefp) json_t *form = pipeline(id);
    assert_string_equal(text_at(form, "status"), status);
    assert_int_equal(json_integer_value(json_object_get(form, "version")), version);
    assert_int_equal(json_array_size(json_object_get(form, "errors")) > 0, n_errors > 0);
}

static void assert_count(int n)
{
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_page page = {100, NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    must(hg_pipelines_list(fixture.service, &page, &list, &err), &err);
    assert_int_equal(json_array_size(json_object_get(list, "items")), n);
}

/* A file that cannot even tell its id is still the pipeline that it was. */
static void test_a_file_that_lost_its_id(void **state)
{
    (void)state;
    write_pipeline("prices", FLOW("market", "numbers", "10", "schedule: \"0 3 * * *\"\n"));
    start_service();
    assert_pipeline("market", "idle", 1, 0);
    write_pipeline("prices", "id: [\n");
    reload();
    assert_pipeline("market", "idle", 1, 1);
    HG_CLEANUP(hg_json_decrefp) json_t *broken = pipeline("market");
    assert_int_equal(json_array_size(json_object_get(broken, "jobs")), 2);
    assert_true(json_is_null(json_object_get(broken, "next_run_at")));
    assert_count(1);
    write_pipeline("prices", FLOW("market", "numbers", "10", "schedule: \"0 3 * * *\"\n"));
    reload();
    assert_pipeline("market", "idle", 1, 0);
}

/* One that never had an id is listed by its file's name, and forgotten when it gets one. */
static void test_a_file_that_never_had_an_id(void **state)
{
    (void)state;
    write_pipeline("Prices_2", "id: [\n");
    start_service();
    assert_pipeline("prices-2", "idle", 1, 1);
    write_pipeline("Prices_2", FLOW("market", "numbers", "10", ""));
    reload();
    assert_pipeline("market", "idle", 1, 0);
    assert_count(1);
}

static void test_a_file_without_a_name(void **state)
{
    (void)state;
    write_pipeline("", "id: [\n"); /* ".yaml" */
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    assert_count(2);
    assert_pipeline("unnamed", "idle", 1, 1);
}

/* It has the history of one that was removed in its way, which stays that one's. */
static void test_a_broken_file_by_the_name_of_one_that_was_removed(void **state)
{
    (void)state;
    write_pipeline("a", FLOW("a", "numbers", "10", ""));
    start_service();
    free(fixture.files[--fixture.n_files]);
    write_pipeline("A", "id: [\n");
    reload();
    assert_pipeline("a", "paused", 1, 1);
    assert_pipeline("a-2", "idle", 1, 1);
    reload();
    assert_count(2);
}

static void test_a_missing_file_comes_back(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *off = json_pack("{s:b}", "enabled", 0);
    HG_CLEANUP(hg_json_decrefp) json_t *on = json_pack("{s:b}", "enabled", 1);
    write_pipeline("good", FLOW("good", "numbers", "10", "schedule: \"0 3 * * *\"\n"));
    start_service();
    char **files = fixture.config.pipeline_files;
    char *none[] = {NULL};
    fixture.config.pipeline_files = none;
    reload();
    assert_pipeline("good", "paused", 1, 1);
    HG_CLEANUP(hg_json_decrefp) json_t *gone = pipeline("good");
    const json_t *error = json_array_get(json_object_get(gone, "errors"), 0);
    assert_string_equal(text_at(error, "message"), "the file was removed");
    assert_non_null(strstr(text_at(error, "file"), "/good.yaml"));
    assert_true(json_is_true(json_object_get(gone, "file_missing")));
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    assert_int_equal(hg_pipelines_trigger(fixture.service, NULL, "good", NULL, &answer, NULL, &err),
                     HG_EINVAL);
    assert_non_null(strstr(err.message, "its file was removed"));
    const struct hg_principal by = hg_principal_local(getuid());
    assert_int_equal(hg_pipelines_pause_one(fixture.service, &by, "good", false, &err),
                     HG_ECONFLICT);
    assert_non_null(strstr(err.message, "its file was removed"));
    assert_int_equal(hg_pause_set_pipeline(fixture.metadata, &by, "good", false, &err),
                     HG_ECONFLICT);
    assert_int_equal(metadata_number("select count(*) as n from pipeline where overrides <> '{}'"),
                     0);
    must(hg_pipelines_update(fixture.service, NULL, "good", on, &answer, &err), &err);
    assert_false(json_is_true(json_object_get(answer, "enabled"))); /* there is no file to run */
    fixture.config.pipeline_files = files;
    reload();
    assert_pipeline("good", "idle", 1, 0);
    HG_CLEANUP(hg_json_decrefp) json_t *form = pipeline("good");
    assert_non_null(strstr(text_at(form, "next_run_at"), "T03:00:00.000Z"));
    /* What was paused on the page stays so when files are read again. */
    HG_CLEANUP(hg_json_decrefp) json_t *paused = NULL;
    must(hg_pipelines_update(fixture.service, NULL, "good", off, &paused, &err), &err);
    assert_true(json_is_null(json_object_get(paused, "next_run_at")));
    reload();
    assert_pipeline("good", "paused", 1, 0);
}

static void test_two_files_with_one_id(void **state)
{
    (void)state;
    write_pipeline("a", FLOW("same", "numbers", "10", ""));
    write_pipeline("b", FLOW("same", "numbers", "20", ""));
    start_service();
    assert_pipeline("same", "idle", 1, 0);
    assert_pipeline("b", "idle", 1, 1);
    HG_CLEANUP(hg_json_decrefp) json_t *second = pipeline("b");
    const json_t *first_error = json_array_get(json_object_get(second, "errors"), 0);
    assert_non_null(strstr(text_at(first_error, "message"), "a.yaml"));
}

/* A file that comes later keeps nobody from his id, wherever it stands in the order. */
static void test_the_id_of_a_file_is_not_taken_by_another(void **state)
{
    (void)state;
    write_pipeline("same", FLOW("same", "numbers", "10", ""));
    start_service();
    assert_pipeline("same", "idle", 1, 0);
    write_pipeline("a", FLOW("same", "numbers", "20", ""));
    reload();
    assert_count(2);
    assert_pipeline("same", "idle", 1, 0);
    assert_pipeline("a", "idle", 1, 1);
    HG_CLEANUP(hg_json_decrefp) json_t *second = pipeline("a");
    const json_t *error = json_array_get(json_object_get(second, "errors"), 0);
    assert_non_null(strstr(text_at(error, "file"), "a.yaml"));
    assert_non_null(strstr(text_at(error, "message"), "same.yaml"));
    /* Also while the owner has errors of its own. */
    write_pipeline("same", "id: same\njobs: []\n");
    reload();
    assert_pipeline("same", "idle", 1, 1);
    assert_pipeline("a", "idle", 1, 1);
    write_pipeline("same", "id: [\n");
    reload();
    assert_pipeline("same", "idle", 1, 1);
    assert_pipeline("a", "idle", 1, 1);
    HG_CLEANUP(hg_json_decrefp) json_t *first = pipeline("same");
    error = json_array_get(json_object_get(first, "errors"), 0);
    assert_non_null(strstr(text_at(error, "file"), "same.yaml"));
}

/* The second one is listed under a name that is free, with its error, and takes none from others.
 */
static void test_a_second_file_with_an_id_is_listed_in_any_case(void **state)
{
    (void)state;
    write_pipeline("a", FLOW("same", "numbers", "10", ""));
    write_pipeline("c", FLOW("b", "numbers", "10", ""));
    write_pipeline("same", FLOW("same", "numbers", "20", ""));
    write_pipeline("b", FLOW("same", "numbers", "30", ""));
    start_service();
    assert_count(4);
    assert_pipeline("same", "idle", 1, 0);
    assert_pipeline("b", "idle", 1, 0);
    assert_pipeline("same-2", "idle", 1, 1);
    assert_pipeline("b-2", "idle", 1, 1);
}

static void test_versions_count_changes_only(void **state)
{
    (void)state;
    static const char *const numbers[] = {"1", "1", "2", "2", "1"};
    static const int versions[] = {1, 1, 2, 2, 3};
    char text[512];
    for (size_t i = 0; i < HG_COUNT(numbers); i++) {
        (void)snprintf(text, sizeof text, FLOW("good", "numbers", "%s", ""), numbers[i]);
        write_pipeline("good", text);
        if (i == 0) {
            start_service();
        } else {
            reload();
        }
        assert_pipeline("good", "idle", versions[i], 0);
    }
    assert_int_equal(metadata_number("select count(*) as n from pipeline_version"), 3);
}

/* What was set on the page is laid over the file, also after the file changed. */
static void test_settings_outlive_files(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp)
    json_t *patch = json_pack("{s:s, s:s, s:i, s:i}",
                              "schedule",
                              "30 4 * * *",
                              "timezone",
                              "Asia/Kolkata",
                              "parallelism",
                              7,
                              "retries",
                              2);
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    write_pipeline("good",
                   FLOW("good", "crash-in-read", "10", "retries: {max: 0, backoff: 1ms}\n"));
    start_service();
    must(hg_pipelines_update(fixture.service, NULL, "good", patch, &answer, &err), &err);
    assert_non_null(strstr(text_at(answer, "next_run_at"), "T23:00:00.000Z"));
    write_pipeline("good",
                   FLOW("good", "crash-in-read", "11", "retries: {max: 0, backoff: 1ms}\n"));
    reload();
    HG_CLEANUP(hg_json_decrefp) json_t *form = pipeline("good");
    assert_string_equal(text_at(form, "schedule"), "30 4 * * *");
    assert_string_equal(text_at(form, "timezone"), "Asia/Kolkata");
    assert_int_equal(json_integer_value(json_object_get(form, "parallelism")), 7);
    assert_int_equal(json_integer_value(json_object_get(form, "retries")), 2);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_int_equal(json_integer_value(json_object_get(run, "retry_count")), 2);
}

static void test_lists_come_in_pages(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    static const char *const ids[] = {"a", "b", "c"};
    char text[512];
    for (size_t i = 0; i < HG_COUNT(ids); i++) {
        (void)snprintf(text, sizeof text, FLOW("%s", "numbers", "1", ""), ids[i]);
        write_pipeline(ids[i], text);
    }
    start_service();
    HG_CLEANUP(hg_freep) char *cursor = NULL;
    for (size_t i = 0; i < HG_COUNT(ids); i++) {
        const struct hg_page page = {1, cursor};
        HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
        must(hg_pipelines_list(fixture.service, &page, &list, &err), &err);
        assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
        const json_t *item = json_array_get(json_object_get(list, "items"), 0);
        assert_string_equal(text_at(item, "id"), ids[i]);
        free(cursor);
        const json_t *next = json_object_get(list, "next_cursor");
        assert_int_equal(json_is_null(next), i == 2);
        cursor = json_is_null(next) ? NULL : strdup(json_string_value(next));
    }
    json_t *none = NULL;
    const struct hg_page foreign = {1, "no such key!"};
    assert_int_equal(hg_pipelines_list(fixture.service, &foreign, &none, &err), HG_EINVAL);
    assert_int_equal(hg_datasets_list(fixture.warehouse, &foreign, &none, &err), HG_EINVAL);
    assert_int_equal(hg_pipelines_get(fixture.service, "nope", &none, &err), HG_ENOTFOUND);
    HG_CLEANUP(hg_json_decrefp) json_t *patch = json_object();
    assert_int_equal(hg_pipelines_update(fixture.service, NULL, "nope", patch, &none, &err),
                     HG_ENOTFOUND);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_file_that_lost_its_id),
        TEST(test_a_file_that_never_had_an_id),
        TEST(test_a_file_without_a_name),
        TEST(test_a_broken_file_by_the_name_of_one_that_was_removed),
        TEST(test_a_missing_file_comes_back),
        TEST(test_two_files_with_one_id),
        TEST(test_the_id_of_a_file_is_not_taken_by_another),
        TEST(test_a_second_file_with_an_id_is_listed_in_any_case),
        TEST(test_versions_count_changes_only),
        TEST(test_settings_outlive_files),
        TEST(test_lists_come_in_pages),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
