#include "store/programs.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "store/command.h"

enum { VERSION_TIMEOUT_MS = 10000 };

static bool has_programs(const char *folder)
{
    static const char *const names[] = {"postgres", "initdb"};
    for (size_t i = 0; i < HG_COUNT(names); i++) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]) >= (int)sizeof path ||
            access(path, X_OK) != 0) {
            return false;
        }
    }
    return true;
}

/* Debian keeps each major in a folder of its own. */
static bool find_debian(const char *root, int major, struct hg_pg_programs *ret)
{
    int newest = major ? major : HG_PG_NEWEST;
    int oldest = major ? major : HG_PG_OLDEST;
    for (int m = newest; m >= oldest; m--) {
        struct hg_pg_programs found = {.major = m};
        if (snprintf(found.folder, sizeof found.folder, "%s/%d/bin", root, m) <
                (int)sizeof found.folder &&
            has_programs(found.folder)) {
            *ret = found;
            return true;
        }
    }
    return false;
}

/* Of "postgres (PostgreSQL) 15.20 (Debian ...)"; 0 when that is not what it says. */
static int ask_major(const char *folder)
{
    char path[PATH_MAX];
    int status = 0;
    if (snprintf(path, sizeof path, "%s/postgres", folder) >= (int)sizeof path) {
        return 0;
    }
    HG_CLEANUP(hg_buf_free) struct hg_buf output = HG_BUF_INIT;
    const char *const argv[] = {path, "-V", NULL};
    if (hg_store_command_run(argv, VERSION_TIMEOUT_MS, &output, &status, NULL) < 0 || status != 0) {
        return 0;
    }
    char digits[8] = "";
    int64_t major = 0;
    const char *number = strstr(hg_buf_text(&output), "PostgreSQL) ");
    if (number) {
        size_t n = strspn(number + 12, "0123456789");
        (void)snprintf(digits, sizeof digits, "%.*s", n > 7 ? 7 : (int)n, number + 12);
    }
    return hg_parse_int64(digits, 1, 999, &major, NULL) < 0 ? 0 : (int)major;
}

static bool find_in_path(int major, struct hg_pg_programs *ret)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t n = strcspn(path, ":");
        struct hg_pg_programs found = {.major = 0};
        if (n > 0 && n < sizeof found.folder) {
            memcpy(found.folder, path, n);
            found.major = has_programs(found.folder) ? ask_major(found.folder) : 0;
        }
        if (found.major >= HG_PG_OLDEST && found.major <= HG_PG_NEWEST &&
            (major == 0 || found.major == major)) {
            *ret = found;
            return true;
        }
        path += n + (path[n] == ':');
    }
    return false;
}

int hg_pg_programs_find(const char *debian_root,
                        int major,
                        struct hg_pg_programs *ret,
                        struct hg_error *err)
{
    const char *root = debian_root ? debian_root : "/usr/lib/postgresql";
    if (find_debian(root, major, ret) || find_in_path(major, ret)) {
        return HG_OK;
    }
    if (major) {
        hg_error_set(err,
                     HG_ENOTFOUND,
                     "the programs of PostgreSQL %d are neither in %s/%d/bin nor in PATH",
                     major,
                     root,
                     major);
        (void)hg_error_hint(err, "Install them: apt-get install postgresql-%d", major);
        return HG_ENOTFOUND;
    }
    hg_error_set(err,
                 HG_ENOTFOUND,
                 "no PostgreSQL server (%d to %d) is in %s/*/bin or in PATH",
                 HG_PG_OLDEST,
                 HG_PG_NEWEST,
                 root);
    (void)hg_error_hint(err,
                        "Install one: apt-get install postgresql-15. Or give HEADGATE_DATABASE_URL "
                        "to use a server of your own.");
    return HG_ENOTFOUND;
}
