/*
 * The catalog: pipeline files read into the database. A definition gets a new version whenever it
 * changes; a run keeps the version it started with.
 */
#include "pipeline/catalog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "pipeline/definition.h"
#include "pipeline/plan.h"
#include "pipeline/state.h"

static const struct hg_statement put_pipeline = {
    "catalog_put",
    "insert into pipeline as p (id, name, origin, file, enabled, version, definition, errors,"
    " file_missing, updated_at)"
    " values ($1, $2, 'file', $3, true, 1, $4::json, $5::jsonb, false, now())"
    " on conflict (id) do update set name = excluded.name, file = excluded.file,"
    " version = p.version + (excluded.definition::text is distinct from"
    " coalesce(p.definition, excluded.definition)::text and excluded.definition is not null)::int,"
    " definition = coalesce(excluded.definition, p.definition), errors = excluded.errors,"
    " enabled = coalesce((p.overrides->>'enabled')::boolean, true), file_missing = false,"
    " updated_at = now()",
    5};

static const struct hg_statement put_version = {
    "catalog_put_version",
    "insert into pipeline_version (pipeline_id, version, definition, created_at)"
    " select id, version, definition, now() from pipeline"
    " where id = $1 and definition is not null on conflict do nothing",
    1};

/* Which pipeline a file was when it could be read last. */
static const struct hg_statement id_of_file = {
    "catalog_id_of_file",
    "select id from pipeline where origin = 'file' and file = $1"
    " order by file_missing, updated_at desc limit 1",
    1};

/* Files that never were pipelines: nothing is kept of them. */
static const struct hg_statement forget_missing = {
    "catalog_forget_missing",
    "delete from pipeline where origin = 'file' and definition is null"
    " and not id = any (array(select jsonb_array_elements_text($1::jsonb)))",
    1};

static const struct hg_statement disable_missing = {
    "catalog_disable_missing",
    "update pipeline set enabled = false, file_missing = true, next_run_at = null,"
    " updated_at = now()"
    " where origin = 'file' and not file_missing"
    " and not id = any (array(select jsonb_array_elements_text($1::jsonb))) returning id",
    1};

static const struct hg_statement get_pipeline = {
    "catalog_get",
    "select id, version, enabled, errors, definition, overrides from pipeline where id = $1",
    1};

/* A name for a file whose id could not be read: that of the file. */
static char *id_from_file(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *id = strdup(slash ? slash + 1 : file);
    char *dot = id ? strrchr(id, '.') : NULL;
    if (dot) {
        *dot = '\0';
    }
    for (char *c = id; c && *c; c++) {
        *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '-';
    }
    if (id && id[0] == '\0') { /* ".yaml" */
        free(id);
        return strdup("unnamed");
    }
    if (id && strlen(id) > 63) {
        id[63] = '\0';
    }
    return id;
}

static int put(struct hg_db *db,
               const char *id,
               const char *file,
               const json_t *definition,
               const json_t *errors,
               struct hg_error *err)
{
    const char *name = json_string_value(json_object_get(definition, "name"));
    HG_CLEANUP(hg_freep)
    char *definition_text = definition ? json_dumps(definition, JSON_COMPACT) : NULL;
    HG_CLEANUP(hg_freep) char *errors_text = json_dumps(errors, JSON_COMPACT);
    if ((definition && !definition_text) || !errors_text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {id, name ? name : id, file, definition_text, errors_text};
    const char *const version[] = {id};
    int r = hg_db_exec(db, &put_pipeline, params, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &put_version, version, NULL, err);
}

static bool is_taken(const json_t *ids, const char *id)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        if (strcmp(json_string_value(json_array_get(ids, i)), id) == 0) {
            return true;
        }
    }
    return false;
}

/* The id of a file that does not tell it. Owned by the caller. */
static int find_id(struct hg_db *db, const char *file, char **ret, struct hg_error *err)
{
    const char *const params[] = {file};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &id_of_file, params, &result, err);
    if (r < 0) {
        return r;
    }
    char *id = PQntuples(result) > 0 ? strdup(hg_result_text(result, 0, "id")) : id_from_file(file);
    if (!id) {
        return hg_error_nomem(err);
    }
    *ret = id;
    return HG_OK;
}

static int sync_file(struct hg_pipelines *service,
                     struct hg_db *db,
                     const char *file,
                     json_t *seen,
                     json_t *ids,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *definition = NULL;
    HG_CLEANUP(hg_freep) char *id = NULL;
    struct hg_error reason = HG_ERROR_INIT;
    int r = hg_pipeline_definition_read_next(
        file, service->options.plugins, seen, &definition, &id, &diagnostics, &reason);
    if (r < 0 && diagnostics.n == 0) {
        hg_diagnostics_add(&diagnostics, file, 0, 0, reason.hint, "%s", reason.message);
    }
    int found = id ? HG_OK : find_id(db, file, &id, err);
    if (found < 0) {
        return found;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *errors = hg_diagnostics_to_json(&diagnostics);
    if (!id || !errors) {
        return hg_error_nomem(err);
    }
    if (is_taken(ids, id)) {
        /* It is listed under the name of its file, so that its errors are seen. */
        free(id);
        id = id_from_file(file);
    }
    if (!id || is_taken(ids, id)) {
        hg_log(HG_LOG_ERROR, "a pipeline file is left out", "file", file, "id", id, NULL);
        return HG_OK;
    }
    if (r < 0) {
        hg_log(HG_LOG_ERROR,
               "a pipeline file has errors",
               "file",
               file,
               "first",
               diagnostics.items[0].message,
               NULL);
    }
    (void)json_array_append_new(ids, json_string(id));
    return put(db, id, file, r < 0 ? NULL : definition, errors, err);
}

/* Whether the file by itself can be used. */
static bool is_good(const struct hg_pipelines *service, const char *file)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *definition = NULL;
    HG_CLEANUP(hg_freep) char *id = NULL;
    return hg_pipeline_definition_read(
               file, service->options.plugins, &definition, &id, &diagnostics, NULL) == HG_OK;
}

static int sync_files(struct hg_pipelines *service, struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *seen = json_object();
    HG_CLEANUP(hg_json_decrefp) json_t *ids = json_array();
    /* Good ones first: a broken file never takes the id of one that could run. */
    for (int broken = 0; broken <= 1; broken++) {
        for (char **file = service->options.config->pipeline_files; file && *file; file++) {
            if (is_good(service, *file) == broken) {
                continue;
            }
            int r = sync_file(service, db, *file, seen, ids, err);
            if (r < 0) {
                return hg_error_wrap(err, "while storing the pipeline of \"%s\"", *file);
            }
        }
    }
    HG_CLEANUP(hg_freep) char *ids_text = json_dumps(ids, JSON_COMPACT);
    if (!ids_text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {ids_text};
    int r = hg_db_exec(db, &forget_missing, params, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &disable_missing, params, NULL, err);
}

int hg_catalog_sync(struct hg_pipelines *service, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : sync_files(service, db, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    return r < 0 ? r : hg_plan(service, NULL, err);
}

/* Lays what was changed on the page over what the file says. */
static void apply_overrides(json_t *definition, const json_t *overrides)
{
    static const char *const plain[] = {"schedule", "timezone", "parallelism"};
    for (size_t i = 0; i < HG_COUNT(plain); i++) {
        json_t *value = json_object_get(overrides, plain[i]);
        if (value) {
            (void)json_object_set(definition, plain[i], value);
        }
    }
    json_t *retries = json_object_get(overrides, "retries");
    if (retries) {
        (void)json_object_set(json_object_get(definition, "retries"), "max", retries);
    }
}

void hg_catalog_entry_free(struct hg_catalog_entry *entry)
{
    free(entry->id);
    json_decref(entry->definition);
    json_decref(entry->errors);
    memset(entry, 0, sizeof *entry);
}

int hg_catalog_get(struct hg_db *db,
                   const char *id,
                   struct hg_catalog_entry *ret,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {id};
    int r = hg_db_exec(db, &get_pipeline, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no pipeline \"%.64s\"", id);
    }
    struct hg_catalog_entry entry = {
        .id = strdup(id),
        .version = (int)hg_result_int64(result, 0, "version", 0),
        .enabled = hg_result_bool(result, 0, "enabled"),
        .definition = hg_result_json(result, 0, "definition"),
        .errors = hg_result_json(result, 0, "errors"),
    };
    HG_CLEANUP(hg_json_decrefp) json_t *overrides = hg_result_json(result, 0, "overrides");
    if (!entry.id || !entry.errors) {
        hg_catalog_entry_free(&entry);
        return hg_error_nomem(err);
    }
    if (entry.definition) {
        apply_overrides(entry.definition, overrides);
    }
    *ret = entry;
    return HG_OK;
}
