/*
 * The catalog: pipeline files read into the database. A definition gets a new version whenever it
 * changes; a run keeps the version it started with.
 */
#include "pipeline/catalog.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "definition/definition.h"
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

static const struct hg_statement is_of_another = {
    "catalog_is_of_another",
    "select exists (select from pipeline where id = $1 and file is distinct from $2"
    " and definition is not null) as yes",
    2};

/* Whether a pipeline is that of a file by what was stored last; $2 NULL: whether any is. */
static const struct hg_statement owns_id = {
    "catalog_owns_id",
    "select exists (select 1 from pipeline where origin = 'file' and file = $1"
    " and id = coalesce($2, id) and definition is not null and not file_missing) as yes",
    2};

/* Files that never were pipelines: nothing is kept of them. */
static const struct hg_statement forget_missing = {
    "catalog_forget_missing",
    "delete from pipeline where origin = 'file' and definition is null"
    " and not id = any (array(select jsonb_array_elements_text($1::jsonb)))",
    1};

static const struct hg_statement disable_missing = {
    "catalog_disable_missing",
    "update pipeline set enabled = false, file_missing = true, next_run_at = null,"
    " errors = jsonb_build_array(jsonb_build_object('file', file, 'line', null, 'column', null,"
    " 'message', 'the file was removed',"
    " 'hint', 'The history is kept. Put the file back and send the host SIGHUP to run it again.')),"
    " updated_at = now()"
    " where origin = 'file' and (not file_missing or errors = '[]'::jsonb)"
    " and not id = any (array(select jsonb_array_elements_text($1::jsonb))) returning id, file",
    1};

static const struct hg_statement get_pipeline = {
    "catalog_get",
    "select id, version, enabled, file_missing, errors, definition, overrides from pipeline"
    " where id = $1",
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

/* Whether an id is that of another file, be it one that was removed and whose history is kept. */
static int is_free(struct hg_db *db,
                   const json_t *ids,
                   const char *id,
                   const char *file,
                   bool *ret,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {id, file};
    *ret = false;
    if (is_taken(ids, id)) {
        return HG_OK;
    }
    int r = hg_db_exec(db, &is_of_another, params, &result, err);
    *ret = r == HG_OK && !hg_result_bool(result, 0, "yes");
    return r;
}

/*
 * A name for a file by which its errors are listed: its own, or with a number when a pipeline has
 * that. Owned by the caller.
 */
static int free_id_from_file(
    struct hg_db *db, const json_t *ids, const char *file, char **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *name = id_from_file(file);
    HG_CLEANUP(hg_freep) char *id = name ? strdup(name) : NULL;
    bool free_now = false;
    for (int n = 2; id; n++) {
        int r = is_free(db, ids, id, file, &free_now, err);
        if (r < 0 || free_now) {
            *ret = r < 0 ? NULL : HG_TAKE(id);
            return r;
        }
        free(HG_TAKE(id));
        if (asprintf(&id, "%.56s-%d", name, n) < 0) {
            id = NULL;
        }
    }
    return hg_error_nomem(err);
}

/* The id of a file that does not tell it. Owned by the caller. */
static int find_id(
    struct hg_db *db, const json_t *ids, const char *file, char **ret, struct hg_error *err)
{
    const char *const params[] = {file};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &id_of_file, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return free_id_from_file(db, ids, file, ret, err);
    }
    *ret = strdup(hg_result_text(result, 0, "id"));
    return *ret ? HG_OK : hg_error_nomem(err);
}

static void log_errors(const char *id, const char *file, const struct hg_diagnostics *diagnostics)
{
    static const struct hg_diagnostic unknown = {0};
    const struct hg_diagnostic *first = hg_diagnostics_first(diagnostics);
    char n[24];
    char line[16];
    first = first ? first : &unknown;
    (void)snprintf(n, sizeof n, "%zu", diagnostics->n + diagnostics->n_dropped);
    (void)snprintf(line, sizeof line, "%d", first->line);
    hg_log(HG_LOG_ERROR,
           "a pipeline file has errors",
           "pipeline_id",
           id,
           "file",
           file,
           "#errors",
           n,
           "#line",
           first->line > 0 ? line : NULL,
           "error",
           first->message,
           NULL);
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
    int found = id ? HG_OK : find_id(db, ids, file, &id, err);
    if (found < 0) {
        return found;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *errors = hg_diagnostics_to_json(&diagnostics);
    if (!id || !errors) {
        return hg_error_nomem(err);
    }
    if (is_taken(ids, id)) {
        /* It is listed under the name of its file, so that its errors are seen. */
        free(HG_TAKE(id));
        found = free_id_from_file(db, ids, file, &id, err);
        if (found < 0) {
            return found;
        }
    }
    /* One that does not tell its id keeps the one it had, too. */
    if (!id || (!json_object_get(seen, id) &&
                json_object_set_new(seen, id, json_pack("{s:s, s:i}", "file", file, "line", 1)))) {
        return hg_error_nomem(err);
    }
    if (r < 0) {
        log_errors(id, file, &diagnostics);
    }
    (void)json_array_append_new(ids, json_string(id));
    return put(db, id, file, r < 0 ? NULL : definition, errors, err);
}

/*
 * Who gets an id that several files have: the one whose it was, then good ones, so that a broken
 * file never takes the id of one that could run. The others are listed behind them, by names that
 * are free then.
 */
enum turn { OWNER_S = 0, GOOD_ONE_S, ANY_S, TURNS };

/* Whether it is a file's turn; `seen` has the ids that are given away. */
static int is_its_turn(struct hg_pipelines *service,
                       struct hg_db *db,
                       const char *file,
                       const json_t *seen,
                       enum turn turn,
                       bool *ret,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *definition = NULL;
    HG_CLEANUP(hg_freep) char *id = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    if (turn == ANY_S) {
        *ret = true;
        return HG_OK;
    }
    bool is_good =
        hg_pipeline_definition_read(
            file, service->options.plugins, &definition, &id, &diagnostics, NULL) == HG_OK;
    if (turn == GOOD_ONE_S) {
        *ret = is_good && id && !json_object_get(seen, id);
        return HG_OK;
    }
    const char *const params[] = {file, id};
    int r = hg_db_exec(db, &owns_id, params, &result, err);
    *ret = r == HG_OK && hg_result_bool(result, 0, "yes");
    return r;
}

/* Stores those files whose turn it is, and keeps the others in `left`. */
static int sync_turn(struct hg_pipelines *service,
                     struct hg_db *db,
                     enum turn turn,
                     json_t *seen,
                     json_t *ids,
                     json_t **left,
                     struct hg_error *err)
{
    size_t i;
    const json_t *name;
    HG_CLEANUP(hg_json_decrefp) json_t *files = *left;
    *left = json_array();
    json_array_foreach (files, i, name) {
        const char *file = json_string_value(name);
        bool is_it = false;
        int r = is_its_turn(service, db, file, seen, turn, &is_it, err);
        r = r < 0 || !is_it ? r : sync_file(service, db, file, seen, ids, err);
        if (r < 0) {
            return hg_error_wrap(err, "while storing the pipeline of \"%s\"", file);
        }
        if (!is_it && json_array_append_new(*left, json_string(file)) < 0) {
            return hg_error_nomem(err);
        }
    }
    return HG_OK;
}

/* *ret_removed: whose files were there at the last look and are gone. */
static int sync_files(struct hg_pipelines *service,
                      struct hg_db *db,
                      PGresult **ret_removed,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *seen = json_object();
    HG_CLEANUP(hg_json_decrefp) json_t *ids = json_array();
    HG_CLEANUP(hg_json_decrefp) json_t *left = json_array();
    for (char **file = service->options.config->pipeline_files; file && *file; file++) {
        if (json_array_append_new(left, json_string(*file)) < 0) {
            return hg_error_nomem(err);
        }
    }
    for (enum turn turn = OWNER_S; turn < TURNS; turn++) {
        int r = sync_turn(service, db, turn, seen, ids, &left, err);
        if (r < 0) {
            return r;
        }
    }
    HG_CLEANUP(hg_freep) char *ids_text = json_dumps(ids, JSON_COMPACT);
    if (!ids_text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {ids_text};
    int r = hg_db_exec(db, &forget_missing, params, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &disable_missing, params, ret_removed, err);
}

static void log_removed(const PGresult *removed)
{
    for (int row = 0; row < PQntuples(removed); row++) {
        hg_log(HG_LOG_WARNING,
               "a pipeline's file was removed: it keeps its history and does not run",
               "pipeline_id",
               hg_result_text(removed, row, "id"),
               "file",
               hg_result_text(removed, row, "file"),
               NULL);
    }
}

int hg_catalog_sync(struct hg_pipelines *service, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    HG_CLEANUP(hg_resultp) PGresult *removed = NULL;
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : sync_files(service, db, &removed, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        log_removed(removed);
    }
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
        .file_missing = hg_result_bool(result, 0, "file_missing"),
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
