/*
 * Where PostgreSQL's server programs are.
 */
#ifndef HG_STORE_PROGRAMS_H
#define HG_STORE_PROGRAMS_H

#include "base/error.h"

enum {
    HG_PG_OLDEST = 15, /* majors this program works with */
    HG_PG_NEWEST = 18,
    HG_PG_FOLDER_BYTES = 256,
};

struct hg_pg_programs {
    char folder[HG_PG_FOLDER_BYTES]; /* that holds postgres and initdb */
    int major;
};

/*
 * The newest supported ones under `debian_root` (NULL: /usr/lib/postgresql), else those in PATH.
 * `major` 0: any, else exactly that one. HG_ENOTFOUND with the package to install.
 */
int hg_pg_programs_find(const char *debian_root,
                        int major,
                        struct hg_pg_programs *ret,
                        struct hg_error *err);

#endif
