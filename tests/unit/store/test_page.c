/* Lists in pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/parse.h"
#include "shared_pg.h"
#include "store/page.h"

static struct hg_pool *pool;

static const struct hg_statement list = {
    "test_list",
    "select n as cursor_key, to_json(n) as item from generate_series(1, 5) n"
    " where n % $1::int <> 0 and ($2::int is null or n > $2::int) order by n limit $3::int + 1",
    3};

static const struct hg_statement no_list = {"test_no_list", "select 1", 0};

static int start_server(void **state)
{
    return start_pg(state) != 0 ? -1 : hg_pool_new(hg_test_pg_metadata(pg), 1, "test", &pool, NULL);
}

static int stop_server(void **state)
{
    hg_pool_free(pool);
    return stop_pg(state);
}

static bool is_number(const char *text)
{
    int64_t ignored;
    return hg_parse_int64(text, 1, 5, &ignored, NULL) == HG_OK;
}

static int ask(const struct hg_statement *statement,
               int limit,
               const char *cursor,
               json_t **ret,
               struct hg_error *err)
{
    const char *const filters[] = {"3"};
    const struct hg_page_query query = {
        .pool = pool, .wait_ms = 5000, .list = statement, .filters = filters, .is_key = is_number};
    const struct hg_page page = {.limit = limit, .cursor = cursor};
    *err = (struct hg_error)HG_ERROR_INIT;
    return hg_page_ask(&query, &page, ret, err);
}

static void gives(int limit, const char *cursor, const char *expected)
{
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    struct hg_error err;
    if (ask(&list, limit, cursor, &answer, &err) < 0) {
        fail_msg("%s", err.message);
    }
    HG_CLEANUP(hg_freep) char *text = json_dumps(answer, JSON_COMPACT);
    assert_string_equal(text, expected);
}

static void test_page_after_page(void **state)
{
    (void)state;
    gives(3, NULL, "{\"items\":[1,2,4],\"next_cursor\":\"4\"}");
    gives(3, "4", "{\"items\":[5],\"next_cursor\":null}");
    gives(4, NULL, "{\"items\":[1,2,4,5],\"next_cursor\":null}");
    gives(1, "5", "{\"items\":[],\"next_cursor\":null}");
}

static void test_what_cannot_be_asked(void **state)
{
    struct hg_error err;
    json_t *answer = NULL;
    (void)state;
    assert_int_equal(ask(&list, 3, "six", &answer, &err), HG_EINVAL);
    assert_string_equal(err.message, "the cursor was not made by this list");
    assert_int_equal(ask(&no_list, 3, NULL, &answer, &err), HG_EINTERNAL);
    assert_null(answer);
    /* The connection has been given back each time: there is but one. */
    gives(4, NULL, "{\"items\":[1,2,4,5],\"next_cursor\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_after_page),
        cmocka_unit_test(test_what_cannot_be_asked),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
