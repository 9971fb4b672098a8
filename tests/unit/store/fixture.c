#include "fixture.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

struct hg_db *connect_to(const char *conninfo)
{
    struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_db_connect(conninfo, "test", &db, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return db;
}

void must(struct hg_db *db, const char *sql)
{
    struct hg_error err = HG_ERROR_INIT;
    if (hg_db_simple(db, sql, NULL, &err) < 0) {
        fail_msg("%s: %s", sql, err.message);
    }
}

void must_fail(
    struct hg_db *db, const char *sql, int code, const char *sqlstate, struct hg_error *ret)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_db_simple(db, sql, NULL, &err);
    if (r != code || (sqlstate && strcmp(err.sqlstate, sqlstate) != 0)) {
        fail_msg("%s gave %d %s \"%s\"", sql, r, err.sqlstate, err.message);
    }
    assert_int_equal(err.code, code);
    if (ret) {
        *ret = err;
    }
}

char *ask(struct hg_db *db, const char *sql)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    if (hg_db_simple(db, sql, &result, &err) < 0) {
        fail_msg("%s: %s", sql, err.message);
    }
    assert_int_equal(PQntuples(result), 1);
    return PQgetisnull(result, 0, 0) ? NULL : strdup(PQgetvalue(result, 0, 0));
}

void become_unprivileged(void)
{
    if (geteuid() != 0) {
        return;
    }
    const struct passwd *user = getpwnam("postgres");
    user = user ? user : getpwnam("nobody");
    /* The program's folder goes along: only its owner may remove it at the end. */
    if (!user || chown(getenv("TMPDIR"), user->pw_uid, user->pw_gid) < 0 ||
        setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0 ||
        chdir("/tmp") < 0) {
        (void)fputs("cannot become an unprivileged user\n", stderr);
        exit(1);
    }
}

char *make_scratch(void)
{
    char name[HG_SCRATCH_BYTES];
    assert_int_equal(hg_scratch_make("store", name), 0);
    return strdup(name);
}

void remove_scratch(char *folder)
{
    assert_int_equal(hg_scratch_remove(folder), 0);
    free(folder);
}
