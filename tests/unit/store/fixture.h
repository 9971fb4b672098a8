/*
 * What the tests of this folder share: one server for the program, connections that must succeed.
 */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared_pg.h"
#include "store/db.h"

struct hg_db *connect_to(const char *conninfo);
/* Runs SQL that must succeed. */
void must(struct hg_db *db, const char *sql);
/* Runs SQL that must fail with this code and, when not NULL, this SQLSTATE; fills *ret (may be
 * NULL). */
void must_fail(
    struct hg_db *db, const char *sql, int code, const char *sqlstate, struct hg_error *ret);
/* The one cell of a query as text, NULL for SQL NULL; owned by the caller, free. */
char *ask(struct hg_db *db, const char *sql);
#define assert_answer(db, sql, expected)                   \
    do {                                                   \
        HG_CLEANUP(hg_freep) char *answer_ = ask(db, sql); \
        assert_non_null(answer_);                          \
        assert_string_equal(answer_, expected);            \
    } while (0)

/* As root: becomes an unprivileged user for good, since PostgreSQL refuses root. */
void become_unprivileged(void);
/* A folder of our own; remove_scratch removes it with all in it, and frees the name. */
char *make_scratch(void);
void remove_scratch(char *folder);

#endif
