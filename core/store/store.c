#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "base/time.h"
#include "store/conninfo.h"
#include "store/db.h"
#include "store/migrate.h"
#include "store/programs.h"
#include "store/roles.h"
#include "store/worker_login.h"

enum {
    METADATA_CONNECTIONS = 12,
    WAREHOUSE_CONNECTIONS = 6,
    RETRY_MS = 200,
    METADATA_PATIENCE_MS = 30000, /* nothing there takes nearly so long */
};

#define APPLICATION "headgate"

struct hg_store {
    struct hg_cluster *cluster;
    char *metadata_url;
    char *warehouse_url;
    char *worker_url;
    struct hg_pool *metadata;
    struct hg_pool *warehouse;
};

/* ---- connecting ---- */

/* Goes on for `wait_ms` while the server is away. */
static int connect_patiently(const char *url, int wait_ms, struct hg_db **ret, struct hg_error *err)
{
    int64_t deadline_ms = hg_time_monotonic_ms() + wait_ms;
    for (;;) {
        int r = hg_db_connect(url, APPLICATION, ret, err);
        if (r != HG_EUNAVAILABLE || hg_time_monotonic_ms() + RETRY_MS > deadline_ms) {
            return r;
        }
        hg_time_pause_ms(RETRY_MS);
    }
}

static int check_server(struct hg_db *db, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(db);
    int version = PQserverVersion(conn);
    const char *encoding = PQparameterStatus(conn, "server_encoding");
    if (version < HG_PG_OLDEST * 10000) {
        hg_error_set(err, HG_ENOTSUP, "the database server is PostgreSQL %d", version / 10000);
        (void)hg_error_hint(err, "Headgate needs PostgreSQL %d or later.", HG_PG_OLDEST);
        return HG_ENOTSUP;
    }
    if (!encoding || strcmp(encoding, "UTF8") != 0) {
        hg_error_set(err,
                     HG_ENOTSUP,
                     "the database \"%s\" has encoding %s",
                     PQdb(conn),
                     encoding ? encoding : "unknown");
        (void)hg_error_hint(
            err, "Make one with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0;");
        return HG_ENOTSUP;
    }
    return HG_OK;
}

/* `url` with options that come behind those it has. */
static int with_options(const char *url, const char *options, char **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *own = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf all = HG_BUF_INIT;
    int r = hg_conninfo_get(url, "options", &own, err);
    if (r < 0) {
        return r;
    }
    hg_buf_printf(&all, "%s%s%s", own ? own : "", own ? " " : "", options);
    const struct hg_conninfo_part parts[] = {{"options", hg_buf_text(&all)}, {NULL, NULL}};
    return hg_buf_failed(&all) ? hg_error_nomem(err) : hg_conninfo_with(url, parts, ret, err);
}

/* ---- a warehouse given by URL, or beside a metadata database given by URL ---- */

static int create_database(const char *url, const char *name, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    int r = hg_db_connect(url, APPLICATION, &db, err);
    if (r < 0) {
        return r;
    }
    hg_buf_puts(&sql, "create database ");
    hg_quote_ident(&sql, name);
    hg_buf_puts(&sql, " encoding 'UTF8' template template0");
    if (hg_buf_failed(&sql)) {
        return hg_error_nomem(err);
    }
    r = hg_db_simple(db, hg_buf_text(&sql), NULL, err);
    if (r == HG_EEXIST) { /* another host was quicker */
        return HG_OK;
    }
    if (r == HG_EFORBIDDEN) {
        const char *role = PQuser(hg_db_conn(db));
        hg_error_set(err, r, "the role \"%s\" may not make the database \"%s\"", role, name);
        (void)hg_error_hint(
            err,
            "As a superuser of that server run: CREATE DATABASE \"%s\" OWNER \"%s\";",
            name,
            role);
    }
    return r;
}

/*
 * Connects to the warehouse, making the database when it is missing: from `maintenance_url`, a
 * database of the same server.
 */
static int reach_warehouse(const char *url,
                           const char *maintenance_url,
                           int wait_ms,
                           struct hg_db **ret,
                           struct hg_error *err)
{
    int r = connect_patiently(url, wait_ms, ret, err);
    if (r != HG_ENOTFOUND) {
        return r;
    }
    HG_CLEANUP(hg_freep) char *name = NULL;
    r = hg_conninfo_get(url, "dbname", &name, err);
    if (r < 0 || !name) {
        return r < 0 ? r : HG_ENOTFOUND;
    }
    r = create_database(maintenance_url, name, err);
    return r < 0 ? r : hg_db_connect(url, APPLICATION, ret, err);
}

static int use_warehouse_url(struct hg_store *store,
                             const char *url,
                             const char *maintenance_url,
                             int wait_ms,
                             struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = reach_warehouse(url, maintenance_url, wait_ms, &db, err);
    r = r < 0 ? r : check_server(db, err);
    r = r < 0 ? r : hg_roles_ensure(db, PQuser(hg_db_conn(db)), err);
    return r < 0 ? r : with_options(url, HG_WAREHOUSE_OPTIONS, &store->warehouse_url, err);
}

/* <name>_warehouse on the server of the metadata database. */
static int use_warehouse_beside(struct hg_store *store,
                                struct hg_db *metadata,
                                const char *metadata_url,
                                struct hg_error *err)
{
    char name[64];
    HG_CLEANUP(hg_freep) char *url = NULL;
    const char *database = PQdb(hg_db_conn(metadata));
    if (snprintf(name, sizeof name, "%s_warehouse", database) >= (int)sizeof name) {
        hg_error_set(
            err, HG_EINVAL, "\"%s_warehouse\" is too long for a database's name", database);
        (void)hg_error_hint(err, "Give HEADGATE_WAREHOUSE_URL, too.");
        return HG_EINVAL;
    }
    const struct hg_conninfo_part parts[] = {{"dbname", name}, {NULL, NULL}};
    int r = hg_conninfo_with(metadata_url, parts, &url, err);
    return r < 0 ? r : use_warehouse_url(store, url, metadata_url, 0, err);
}

static int use_warehouse(struct hg_store *store,
                         const struct hg_store_options *options,
                         struct hg_db *metadata,
                         struct hg_error *err)
{
    if (!options->warehouse_url) {
        return use_warehouse_beside(store, metadata, options->metadata_url, err);
    }
    HG_CLEANUP(hg_freep) char *maintenance_url = NULL;
    const struct hg_conninfo_part parts[] = {{"dbname", "postgres"}, {NULL, NULL}};
    int r = hg_conninfo_with(options->warehouse_url, parts, &maintenance_url, err);
    return r < 0 ? r
                 : use_warehouse_url(
                       store, options->warehouse_url, maintenance_url, options->wait_ms, err);
}

/* ---- where the databases are ---- */

static int copy(const char *text, char **ret, struct hg_error *err)
{
    *ret = strdup(text);
    return *ret ? HG_OK : hg_error_nomem(err);
}

static int start_cluster(struct hg_store *store,
                         const struct hg_store_options *options,
                         struct hg_error *err)
{
    const struct hg_cluster_options cluster = {.data_dir = options->data_dir,
                                               .supervise = options->supervise};
    int r = hg_cluster_start(&cluster, &store->cluster, err);
    r = r < 0 ? r : copy(hg_cluster_metadata_url(store->cluster), &store->metadata_url, err);
    if (r < 0 || options->warehouse_url) {
        return r;
    }
    r = copy(hg_cluster_warehouse_url(store->cluster), &store->warehouse_url, err);
    return r < 0 ? r : copy(hg_cluster_worker_url(store->cluster), &store->worker_url, err);
}

static int locate(struct hg_store *store,
                  const struct hg_store_options *options,
                  struct hg_db **ret_metadata,
                  struct hg_error *err)
{
    int r = HG_OK;
    if (options->metadata_url) {
        r = with_options(options->metadata_url, HG_METADATA_OPTIONS, &store->metadata_url, err);
    } else {
        r = start_cluster(store, options, err);
    }
    r = r < 0 ? r : connect_patiently(store->metadata_url, options->wait_ms, ret_metadata, err);
    r = r < 0 ? r : check_server(*ret_metadata, err);
    if (r < 0 || store->warehouse_url) {
        return r;
    }
    return use_warehouse(store, options, *ret_metadata, err);
}

/* ---- what is in them ---- */

static const struct hg_statement highest_fence = {
    "store_highest_fence",
    "select greatest((select max(fence) from headgate.ledger_head),"
    " (select max(fence) from headgate.fence_bar), 0) as fence",
    0};

/* Never downwards. */
static const struct hg_statement lift_fence = {
    "store_lift_fence",
    "select setval('task_fence', $1::bigint) from task_fence where last_value < $1::bigint",
    1};

/* The databases may have been restored from backups of different age. */
static int lift_fences(struct hg_db *metadata, struct hg_db *warehouse, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(warehouse, &highest_fence, NULL, &result, err);
    if (r < 0) {
        return r;
    }
    const char *const params[] = {hg_result_text(result, 0, "fence")};
    return hg_db_exec(metadata, &lift_fence, params, NULL, err);
}

/* Of a cluster of its own people know the folder, of a server its databases. */
static void hint_other_build(const char *data_dir, struct hg_error *err)
{
    static const char start_it[] = "Start the build that made it, or";
    if (data_dir) {
        (void)hg_error_hint(
            err, "%s move the data folder \"%s\" away to begin anew.", start_it, data_dir);
    } else {
        (void)hg_error_hint(err, "%s name another database to begin anew.", start_it);
    }
}

/* `data_dir` holds the cluster; NULL for a server given by URL. */
static int migrate(struct hg_db *db,
                   enum hg_database database,
                   const char *data_dir,
                   struct hg_error *err)
{
    int r = hg_migrate(db, database, NULL, err);
    if (r == HG_ECONFLICT && err && err->hint[0] == '\0' && err->sqlstate[0] == '\0') {
        hint_other_build(data_dir, err);
    }
    if (r == HG_EFORBIDDEN) {
        const char *name = PQdb(hg_db_conn(db));
        (void)hg_error_hint(
            err,
            "Make the role of the URL its owner: ALTER DATABASE \"%s\" OWNER TO \"%s\";",
            name,
            PQuser(hg_db_conn(db)));
    }
    return r;
}

/* What a script has dropped is put back. */
static int check_rights(struct hg_db *warehouse, struct hg_error *err)
{
    int r = hg_roles_check_warehouse(warehouse, err);
    if (r != HG_ENOTFOUND && r != HG_EFORBIDDEN) {
        return r;
    }
    r = hg_migrate_restore_rights(warehouse, HG_DATABASE_WAREHOUSE, err);
    return r < 0 ? r : hg_roles_check_warehouse(warehouse, err);
}

static int bring_up_to_date(struct hg_store *store,
                            const struct hg_store_options *options,
                            struct hg_db *metadata,
                            struct hg_error *err)
{
    const char *metadata_dir = options->metadata_url ? NULL : options->data_dir;
    const char *warehouse_dir = options->warehouse_url ? NULL : metadata_dir;
    HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = NULL;
    int r = hg_db_connect(store->warehouse_url, APPLICATION, &warehouse, err);
    r = r < 0 ? r : migrate(metadata, HG_DATABASE_METADATA, metadata_dir, err);
    r = r < 0 ? r : migrate(warehouse, HG_DATABASE_WAREHOUSE, warehouse_dir, err);
    r = r < 0 ? r : check_rights(warehouse, err);
    if (r == HG_OK && !store->worker_url) {
        r = hg_worker_login_ensure(
            metadata, warehouse, store->warehouse_url, &store->worker_url, err);
    }
    return r < 0 ? r : lift_fences(metadata, warehouse, err);
}

static int make_pools(struct hg_store *store,
                      const struct hg_store_options *options,
                      struct hg_error *err)
{
    int n = options->metadata_connections ? options->metadata_connections : METADATA_CONNECTIONS;
    int r = hg_pool_new(store->metadata_url, n, APPLICATION, &store->metadata, err);
    if (r == HG_OK) {
        hg_pool_patience(store->metadata, METADATA_PATIENCE_MS);
    }
    n = options->warehouse_connections ? options->warehouse_connections : WAREHOUSE_CONNECTIONS;
    return r < 0 ? r : hg_pool_new(store->warehouse_url, n, APPLICATION, &store->warehouse, err);
}

/* ---- the interface ---- */

/* A server that was started for nothing is stopped again. */
static void give_up(struct hg_store *store)
{
    hg_store_close(store, store->cluster && !hg_cluster_adopted(store->cluster));
}
HG_DEFINE_CLEANUP(give_upp, struct hg_store *, give_up)

int hg_store_open(const struct hg_store_options *options,
                  struct hg_store **ret,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *metadata = NULL;
    HG_CLEANUP(give_upp) struct hg_store *store = calloc(1, sizeof *store);
    if (!store) {
        return hg_error_nomem(err);
    }
    int r = locate(store, options, &metadata, err);
    r = r < 0 ? r : bring_up_to_date(store, options, metadata, err);
    r = r < 0 ? r : make_pools(store, options, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(store);
    }
    return r;
}

void hg_store_close(struct hg_store *store, bool stop_cluster)
{
    if (!store) {
        return;
    }
    hg_pool_free(store->metadata);
    hg_pool_free(store->warehouse);
    if (store->cluster && stop_cluster) {
        (void)hg_cluster_stop(store->cluster, NULL);
    }
    hg_cluster_free(store->cluster);
    if (store->worker_url) {
        OPENSSL_cleanse(store->worker_url, strlen(store->worker_url));
    }
    free(store->worker_url);
    free(store->warehouse_url);
    free(store->metadata_url);
    free(store);
}

struct hg_pool *hg_store_metadata(const struct hg_store *store)
{
    return store->metadata;
}

struct hg_pool *hg_store_warehouse(const struct hg_store *store)
{
    return store->warehouse;
}

const char *hg_store_worker_url(const struct hg_store *store)
{
    return store->worker_url;
}

struct hg_cluster *hg_store_cluster(const struct hg_store *store)
{
    return store->cluster;
}
