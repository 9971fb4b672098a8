#include "store/migrate.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/hex.h"
#include "base/parse.h"
#include "store/advisory.h"

/* Of the advisory lock; any number that nobody else uses. */
#define LOCK_KEY    "5260129372346"
#define RIGHTS_LINE "\n-- rights: "

static const struct hg_statement list_applied = {
    "migrate_list",
    "select version, name, checksum from public.headgate_migration order by version",
    0};

static const struct hg_statement add_applied = {
    "migrate_add",
    "insert into public.headgate_migration (version, name, checksum) values ($1, $2, $3)",
    3};

static const char *const names[] = {
    [HG_DATABASE_METADATA] = "metadata",
    [HG_DATABASE_WAREHOUSE] = "warehouse",
};

struct migration {
    const struct hg_migration_file *file;
    int version;
    char checksum[SHA256_DIGEST_LENGTH * 2 + 1];
};

/* 0 for a name that does not begin with four digits. */
static int version_of(const struct hg_migration_file *file)
{
    char digits[5] = "";
    int64_t version = 0;
    (void)snprintf(digits, sizeof digits, "%.4s", file->name);
    return hg_parse_int64(digits, 1, 9999, &version, NULL) < 0 ? 0 : (int)version;
}

static bool is_for(const struct hg_migration_file *file, enum hg_database database)
{
    char line[64];
    int n = snprintf(line, sizeof line, "-- database: %s\n", names[database]);
    return file->n > (size_t)n && memcmp(file->sql, line, (size_t)n) == 0;
}

static void describe(const struct hg_migration_file *file, struct migration *ret)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    ret->file = file;
    ret->version = version_of(file);
    (void)SHA256(file->sql, file->n, digest);
    (void)hg_hex(digest, sizeof digest, ret->checksum);
}

/* The files for this database; the caller frees. */
static int choose(enum hg_database database,
                  const struct hg_migration_file *files,
                  size_t n_files,
                  struct migration **ret,
                  size_t *ret_n,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_freep) struct migration *chosen = calloc(n_files ? n_files : 1, sizeof *chosen);
    size_t n = 0;
    if (!chosen) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n_files; i++) {
        if (!is_for(&files[i], database)) {
            continue;
        }
        describe(&files[i], &chosen[n]);
        if (chosen[n].version == 0 || (n > 0 && chosen[n].version <= chosen[n - 1].version)) {
            return hg_error_set(
                err, HG_EINTERNAL, "the migration \"%s\" has no number of its own", files[i].name);
        }
        n++;
    }
    *ret = HG_TAKE(chosen);
    *ret_n = n;
    return HG_OK;
}

static const struct migration *find(const struct migration *all, size_t n, int64_t version)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].version == version) {
            return &all[i];
        }
    }
    return NULL;
}

static int refuse_unknown(
    struct hg_db *db, int64_t version, const char *name, int newest, struct hg_error *err)
{
    hg_error_set(
        err,
        HG_ECONFLICT,
        "the database \"%s\" is at version %04d (\"%s\"), this program knows versions up to "
        "%04d",
        PQdb(hg_db_conn(db)),
        (int)version,
        name,
        newest);
    (void)hg_error_hint(err,
                        "It was used with a newer Headgate: run that one, or restore a backup made "
                        "before the upgrade.");
    return HG_ECONFLICT;
}

/* What to do about it depends on where the database is, which the caller knows. */
static int refuse_other_build(struct hg_db *db, const struct migration *ours, struct hg_error *err)
{
    return hg_error_set(err,
                        HG_ECONFLICT,
                        "the database \"%s\" was made by another build of Headgate: its migrations "
                        "differ from this program's from \"%s\" on",
                        PQdb(hg_db_conn(db)),
                        ours->file->name);
}

/* Checks what was applied; it is a head of `all`, *ret_n_applied long. */
static int check_applied(struct hg_db *db,
                         const struct migration *all,
                         size_t n,
                         size_t *ret_n_applied,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &list_applied, NULL, &result, err);
    for (int row = 0; r == HG_OK && row < PQntuples(result); row++) {
        int64_t version = hg_result_int64(result, row, "version", 0);
        const char *checksum = hg_result_text(result, row, "checksum");
        const struct migration *ours = find(all, n, version);
        if (!ours) {
            return refuse_unknown(db,
                                  hg_result_int64(result, PQntuples(result) - 1, "version", 0),
                                  hg_result_text(result, PQntuples(result) - 1, "name"),
                                  n ? all[n - 1].version : 0,
                                  err);
        }
        if (strcmp(checksum, ours->checksum) != 0 || ours != &all[row]) {
            return refuse_other_build(db, &all[row], err);
        }
    }
    if (r == HG_OK) {
        *ret_n_applied = (size_t)PQntuples(result);
    }
    return r;
}

static int apply(struct hg_db *db, const struct migration *migration, struct hg_error *err)
{
    char version[12];
    (void)snprintf(version, sizeof version, "%d", migration->version);
    const char *const params[] = {version, migration->file->name, migration->checksum};
    int r = hg_db_begin(db, err);
    /* Unqualified names of a file go to public, whatever the role's search path is. */
    r = r < 0 ? r : hg_db_simple(db, "set local search_path = public", NULL, err);
    r = r < 0 ? r : hg_db_simple(db, (const char *)migration->file->sql, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &add_applied, params, NULL, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r < 0) {
        hg_db_rollback(db);
        (void)hg_error_wrap(err, "while applying the migration \"%s\"", migration->file->name);
    }
    return r;
}

static int make_table(struct hg_db *db, struct hg_error *err)
{
    return hg_db_simple(db,
                        "create table if not exists public.headgate_migration (version integer"
                        " primary key, name text not null, checksum text not null, applied_at"
                        " timestamptz not null default now())",
                        NULL,
                        err);
}

static int migrate_locked(struct hg_db *db,
                          const struct migration *all,
                          size_t n,
                          int *ret_n_applied,
                          struct hg_error *err)
{
    size_t n_before = 0;
    int r = make_table(db, err);
    r = r < 0 ? r : check_applied(db, all, n, &n_before, err);
    for (size_t i = n_before; r == HG_OK && i < n; i++) {
        r = apply(db, &all[i], err);
    }
    if (r == HG_OK && ret_n_applied) {
        *ret_n_applied = (int)(n - n_before);
    }
    return r;
}

static int lock(struct hg_db *db, struct hg_error *err)
{
    return hg_advisory_lock(db, LOCK_KEY, "the migrations", HG_ADVISORY_PATIENCE_MS, err);
}

int hg_migrate_files(struct hg_db *db,
                     enum hg_database database,
                     const struct hg_migration_file *files,
                     size_t n_files,
                     int *ret_n_applied,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_freep) struct migration *all = NULL;
    size_t n = 0;
    int r = choose(database, files, n_files, &all, &n, err);
    r = r < 0 ? r : lock(db, err);
    if (r < 0) {
        return r;
    }
    r = migrate_locked(db, all, n, ret_n_applied, err);
    hg_advisory_unlock(db, LOCK_KEY);
    return r;
}

int hg_migrate(struct hg_db *db,
               enum hg_database database,
               int *ret_n_applied,
               struct hg_error *err)
{
    return hg_migrate_files(
        db, database, hg_migration_files, hg_migration_n_files, ret_n_applied, err);
}

static int restore_locked(struct hg_db *db, enum hg_database database, struct hg_error *err)
{
    int r = hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_simple(db, "set local search_path = public", NULL, err);
    for (size_t i = 0; r == HG_OK && i < hg_migration_n_files; i++) {
        const char *sql = (const char *)hg_migration_files[i].sql;
        const char *rights = strstr(sql, RIGHTS_LINE);
        if (rights && is_for(&hg_migration_files[i], database)) {
            r = hg_db_simple(db, rights, NULL, err);
        }
    }
    r = r < 0 ? r : hg_db_commit(db, err);
    hg_db_rollback(db);
    return r;
}

int hg_migrate_restore_rights(struct hg_db *db, enum hg_database database, struct hg_error *err)
{
    int r = lock(db, err);
    if (r < 0) {
        return r;
    }
    r = restore_locked(db, database, err);
    hg_advisory_unlock(db, LOCK_KEY);
    return r;
}
