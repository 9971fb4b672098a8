#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hg_pool *warehouse;

void must(int r, const struct hg_error *err)
{
    if (r != HG_OK) {
        fail_msg("%s (%s)", err->message, err->hint);
    }
}

int setup(void **state)
{
    (void)state;
    return hg_test_pg_reset(pg) != 0
               ? -1
               : hg_pool_new(hg_test_pg_warehouse(pg), 4, "test", &warehouse, NULL);
}

int teardown(void **state)
{
    (void)state;
    hg_pool_free(warehouse);
    warehouse = NULL;
    return 0;
}

const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void sql(const char *text)
{
    assert_int_equal(hg_test_pg_sql(pg, "warehouse", text), 0);
}

void make_dataset(const char *statements)
{
    HG_CLEANUP(hg_freep) char *text = NULL;
    assert_true(asprintf(&text,
                         "set role headgate_user; create schema if not exists m; %s; reset role;"
                         "insert into headgate.ledger (pipeline_id, run_id, task_key, attempt,"
                         " fence, table_name, mode, final) values ('p',"
                         " gen_random_uuid(), 'load', 1, 1, 'm.t', 'append', true)",
                         statements) > 0);
    sql(text);
}

static int64_t number_as(const char *role, const char *text)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(hg_pool_borrow(warehouse, 5000, &db, &err), &err);
    must(hg_db_begin(db, &err), &err);
    must(hg_db_simple(db, role, NULL, &err), &err);
    must(hg_db_simple(db, text, &result, &err), &err);
    return hg_result_int64(result, 0, "n", INT64_MIN);
}

int64_t number(const char *text)
{
    return number_as("set local role headgate_user", text);
}

int64_t host_number(const char *text)
{
    return number_as("set local role none", text);
}
