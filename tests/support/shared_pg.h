/*
 * The one PostgreSQL that all tests of a program share: group set-up and tear-down for cmocka, or
 * the first and the last step of a group's own. Link `hg_test_pg`.
 */
#ifndef HG_TEST_SHARED_PG_H
#define HG_TEST_SHARED_PG_H

#include "pg.h"

extern struct hg_test_pg *pg; /* NULL before and after */

int start_pg(void **state);
int stop_pg(void **state);

#endif
