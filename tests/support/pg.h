/*
 * A real PostgreSQL for a test program: private, on a unix socket in a folder of its own under
 * $TMPDIR or /tmp, with both databases migrated and the roles made. Link `hg_test_pg`;
 * shared_pg.h has one server for all tests of a program.
 *
 * The server runs as an unprivileged user when the test is root. A small process beside the test
 * holds it; when the test ends in whatever way, that process stops the server and removes the
 * folder. HG_TEST_KEEP=1 in the environment keeps it, with the server's log. Start it before
 * threads.
 */
#ifndef HG_TEST_PG_H
#define HG_TEST_PG_H

struct hg_test_pg;

/* NULL after saying on stderr what went wrong. Owned by the caller, hg_test_pg_stop. */
struct hg_test_pg *hg_test_pg_start(void);
void hg_test_pg_stop(struct hg_test_pg *pg);

/* Connection strings; borrowed until hg_test_pg_stop. Roles as in production: */
const char *hg_test_pg_metadata(const struct hg_test_pg *pg);  /* "headgate", no superuser */
const char *hg_test_pg_warehouse(const struct hg_test_pg *pg); /* "headgate" */
const char *hg_test_pg_worker(const struct hg_test_pg *pg);    /* "headgate_load" */
const char *hg_test_pg_admin(const struct hg_test_pg *pg);     /* superuser, database postgres */
const char *hg_test_pg_folder(const struct hg_test_pg *pg);    /* of the socket and the data */

/* Empties both databases: no rows, no users' tables or schemas. Between tests. 0, or -1. */
int hg_test_pg_reset(struct hg_test_pg *pg);
/* Runs SQL as superuser in "metadata", "warehouse" or "postgres". 0, or -1 after saying why. */
int hg_test_pg_sql(struct hg_test_pg *pg, const char *database, const char *sql);

/* The server dies at once, as by kill -9 of all its processes; nothing answers until _resume. */
void hg_test_pg_kill(struct hg_test_pg *pg);
/* 0 once it answers again, or -1. */
int hg_test_pg_resume(struct hg_test_pg *pg);

#endif
