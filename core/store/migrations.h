/*
 * The migration files, compiled in; migrations_data.c is made by the build from migrations/.
 */
#ifndef HG_STORE_MIGRATIONS_H
#define HG_STORE_MIGRATIONS_H

#include <stddef.h>

struct hg_migration_file {
    const char *name;         /* "0001_metadata" */
    const unsigned char *sql; /* a NUL stands behind it */
    size_t n;                 /* bytes, without the NUL */
};

/* In the order of their names. */
extern const struct hg_migration_file hg_migration_files[];
extern const size_t hg_migration_n_files;

#endif
