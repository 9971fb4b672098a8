/*
 * Brings a database to the state that this program was written for.
 *
 * The files of migrations/ are compiled in. The first line of each says which database it is for
 * ("-- database: metadata"). What was applied is kept, with a checksum, in
 * public.headgate_migration of each database.
 */
#ifndef HG_STORE_MIGRATE_H
#define HG_STORE_MIGRATE_H

#include "store/db.h"
#include "store/migrations.h"

enum hg_database {
    HG_DATABASE_METADATA = 1,
    HG_DATABASE_WAREHOUSE,
};

/*
 * Applies what is missing, in order, each file in a transaction of its own, all under a lock: hosts
 * that start at once wait for each other. HG_ECONFLICT, with nothing applied, when what was
 * applied are not the first of these files (names the first that differs; the hint is the caller's)
 * and when the database is newer than the program (names both versions). *ret_n_applied may be
 * NULL.
 */
int hg_migrate(struct hg_db *db,
               enum hg_database database,
               int *ret_n_applied,
               struct hg_error *err);

/*
 * Runs again what stands behind a line "-- rights: ..." in the files of this database: functions
 * and grants that somebody may have dropped. After hg_migrate.
 */
int hg_migrate_restore_rights(struct hg_db *db, enum hg_database database, struct hg_error *err);

/* hg_migrate with files of the caller's, in the order of their names. */
int hg_migrate_files(struct hg_db *db,
                     enum hg_database database,
                     const struct hg_migration_file *files,
                     size_t n_files,
                     int *ret_n_applied,
                     struct hg_error *err);

#endif
