#include "service_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/time.h"
#include "scratch.h"

struct fixture fixture;

void must(int r, const struct hg_error *err)
{
    if (r != HG_OK) {
        fail_msg("%s (%s)", err->message, err->hint);
    }
}

void write_pipeline(const char *name, const char *text)
{
    struct hg_error err = HG_ERROR_INIT;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s.yaml", fixture.folder, name);
    must(hg_write_file(path, 0644, text, strlen(text), &err), &err);
    for (int i = 0; i < fixture.n_files; i++) {
        if (strcmp(fixture.files[i], path) == 0) {
            return;
        }
    }
    fixture.files[fixture.n_files++] = strdup(path);
}

void start_service(void)
{
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_pipelines_options options = {
        .config = &fixture.config,
        .host = fixture.host,
        .self = getenv("HG_HEADGATE"),
        .metadata = fixture.metadata,
        .warehouse = fixture.warehouse,
        .worker_warehouse_url = hg_test_pg_worker(pg),
        .plugins = fixture.plugins,
        .events = fixture.events,
    };
    must(hg_pipelines_start(&options, &fixture.service, &err), &err);
}

int setup(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    memset(&fixture, 0, sizeof fixture);
    if (hg_scratch_make("service", fixture.folder) != 0 || hg_test_pg_reset(pg) != 0) {
        return -1;
    }
    fixture.config.data_dir = fixture.folder;
    fixture.config.workers = 2;
    fixture.config.pipeline_files = fixture.files;
    int r = hg_host_name(fixture.folder, fixture.host, &err);
    r = r < 0 ? r
              : hg_plugin_registry_new(getenv("HG_HEADGATE"),
                                       getenv("HG_TEST_GOOD_PLUGIN_DIR"),
                                       NULL,
                                       NULL,
                                       &fixture.plugins,
                                       &err);
    r = r < 0 ? r : hg_pool_new(hg_test_pg_metadata(pg), 6, "test", &fixture.metadata, &err);
    r = r < 0 ? r : hg_pool_new(hg_test_pg_warehouse(pg), 4, "test", &fixture.warehouse, &err);
    return r < 0 ? -1 : 0;
}

int teardown(void **state)
{
    (void)state;
    hg_pipelines_stop(fixture.service, 0);
    hg_events_free(fixture.events);
    hg_pool_free(fixture.metadata);
    hg_pool_free(fixture.warehouse);
    hg_plugin_registry_free(fixture.plugins);
    for (int i = 0; i < fixture.n_files; i++) {
        free(fixture.files[i]);
    }
    return hg_scratch_remove(fixture.folder);
}

void trigger(const char *pipeline, char run_id[HG_UUID_TEXT])
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    must(hg_pipelines_trigger(fixture.service, NULL, pipeline, NULL, &answer, NULL, &err), &err);
    (void)snprintf(
        run_id, HG_UUID_TEXT, "%s", json_string_value(json_object_get(answer, "run_id")));
}

json_t *run_ended(const char *run_id)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *run = NULL;
    must(hg_runs_wait(fixture.service, run_id, WAIT_MS, &run, &err), &err);
    return run;
}

json_t *run_to_end(const char *pipeline)
{
    char run_id[HG_UUID_TEXT];
    trigger(pipeline, run_id);
    return run_ended(run_id);
}

const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

const char *error_of(const json_t *run)
{
    return text_at(json_object_get(run, "error"), "message");
}

void stop_service(void)
{
    hg_pipelines_stop(fixture.service, 0);
    fixture.service = NULL;
}

void reload(void)
{
    struct hg_error err = HG_ERROR_INIT;
    must(hg_pipelines_reload(fixture.service, &err), &err);
}

void sql(const char *database, const char *text)
{
    assert_int_equal(hg_test_pg_sql(pg, database, text), 0);
}

static int64_t number_of(struct hg_pool *pool, const char *role, const char *text)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(hg_pool_borrow(pool, 5000, &db, &err), &err);
    must(hg_db_begin(db, &err), &err);
    must(hg_db_simple(db, role, NULL, &err), &err);
    must(hg_db_simple(db, text, &result, &err), &err);
    return hg_result_int64(result, 0, "n", INT64_MIN);
}

int64_t metadata_number(const char *text)
{
    return number_of(fixture.metadata, "set local role none", text);
}

int64_t warehouse_number(const char *text)
{
    return number_of(fixture.warehouse, "set local role headgate_user", text);
}

void metadata_reaches(const char *text, int64_t n)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (metadata_number(text) < n) {
        if (hg_time_monotonic_ms() > until) {
            fail_msg("waited in vain for %s", text);
        }
    }
}
