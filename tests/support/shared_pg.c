#include "shared_pg.h"

#include <stddef.h>

struct hg_test_pg *pg;

int start_pg(void **state)
{
    (void)state;
    pg = hg_test_pg_start();
    return pg ? 0 : -1;
}

int stop_pg(void **state)
{
    (void)state;
    hg_test_pg_stop(pg);
    pg = NULL;
    return 0;
}
