/*
 * The whole service for a test: a PostgreSQL for the group, a host of its own for each test.
 */
#ifndef HG_TEST_SERVICE_FIXTURE_H
#define HG_TEST_SERVICE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "config/host_name.h"
#include "datasets/datasets.h"
#include "events/bus.h"
#include "pipeline/service.h"
#include "plugin/registry.h"
#include "shared_pg.h"
#include "store/db.h"

enum { WAIT_MS = 60000, FILES_MAX = 8 };

struct fixture {
    char folder[64];
    char *files[FILES_MAX + 1];
    int n_files;
    struct hg_host_config config;
    char host[HG_HOST_NAME];
    struct hg_plugin_registry *plugins;
    struct hg_pool *metadata;
    struct hg_pool *warehouse;
    struct hg_events *events; /* NULL unless a test has made one */
    struct hg_pipelines *service;
};
extern struct fixture fixture;

int setup(void **state);
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Fails the test with the error's text. */
void must(int r, const struct hg_error *err);
/* Writes <folder>/<name>.yaml and adds it to the configuration. */
void write_pipeline(const char *name, const char *text);
void start_service(void);
void stop_service(void);
void reload(void);
void trigger(const char *pipeline, char run_id[HG_UUID_TEXT]);
/* The run once it has ended (or WAIT_MS passed); owned by the caller. */
json_t *run_ended(const char *run_id);
json_t *run_to_end(const char *pipeline);
/* "" when it is no text. */
const char *text_at(const json_t *object, const char *key);
const char *error_of(const json_t *run);
/* Runs SQL as superuser, which must succeed. */
void sql(const char *database, const char *text);
/* The column `n` of what a statement gives; the warehouse's as headgate_user. */
int64_t metadata_number(const char *text);
int64_t warehouse_number(const char *text);
/* Asks until the number is `n` at least. */
void metadata_reaches(const char *text, int64_t n);

#define FLOW(id, plugin, n, more)                                          \
    "id: " id "\n" more "jobs:\n"                                          \
    "  - {id: fetch, extract: {source: " plugin ", config: {n: " n "}}}\n" \
    "  - {id: load, needs: [fetch], load: {table: m.t, mode: append}}\n"

#endif
