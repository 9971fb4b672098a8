/*
 * A warehouse for a test: a PostgreSQL for the group, emptied before each test.
 */
#ifndef HG_TESTS_DATASETS_FIXTURE_H
#define HG_TESTS_DATASETS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "datasets/datasets.h"
#include "shared_pg.h"
#include "store/db.h"

extern struct hg_pool *warehouse;

int setup(void **state);
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Fails the test with the error's text. */
void must(int r, const struct hg_error *err);
/* "" when it is no text. */
const char *text_at(const json_t *object, const char *key);
/* Runs SQL as superuser in the warehouse, which must succeed. */
void sql(const char *text);
/* Runs SQL as users' code does, and names the table m.t that it makes in the ledger. */
void make_dataset(const char *statements);
/* The column `n` of what a statement gives, as headgate_user or as the host. */
int64_t number(const char *text);
int64_t host_number(const char *text);

#endif
