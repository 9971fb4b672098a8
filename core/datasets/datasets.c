#include "datasets/datasets.h"

/*
 * What has been loaded. Only tables that the ledger names are served: a name that comes in from
 * outside is looked up there first.
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "datasets/rows_export.h"
#include "datasets/rows_query.h"
#include "datasets/user_query.h"
#include "store/pool.h"
#include "store/sql_time.h"

enum {
    COUNTED_MAX = 64,   /* tables on a page, as in the statement below */
    COUNT_LOCK_MS = 50, /* what somebody holds for longer is not counted */
};

/*
 * The last load of each table behind the cursor; a transform names no table of its own. From one
 * table to the next by the index: what the ledger holds of each does not matter.
 */
#define LAST_LOADS                                                                          \
    "with recursive loaded as ((select table_name, pipeline_id, run_id, committed_at"       \
    " from headgate.ledger where table_name > coalesce($1, '')"                             \
    " order by table_name, committed_at desc limit 1) union all select next.* from loaded," \
    " lateral (select l.table_name, l.pipeline_id, l.run_id, l.committed_at"                \
    " from headgate.ledger l where l.table_name > loaded.table_name"                        \
    " order by l.table_name, l.committed_at desc limit 1) next)"

/*
 * Counting reads the whole table, so that what a page counts (below) is bounded, in bytes and in
 * tables: first those that were never analysed, then the smallest. Of others there is an estimate,
 * the rows of a block when it was analysed last by the blocks there are now. A view is not counted:
 * that runs whatever is behind it.
 */
/* clang-format off */
static const struct hg_statement list_datasets = {
    "datasets_list",
    LAST_LOADS ", shown as (select l.*, c.oid, c.relkind, c.reltuples, c.relpages"
    " from loaded l join pg_class c on c.oid = to_regclass(l.table_name)"
    " order by l.table_name limit $2::int + 1),"
    " sized as (select s.*, s.relkind in ('r', 'p', 'm') as is_table, case s.relkind when 'p'"
    " then (select coalesce(sum(pg_relation_size(t.relid)), 0)::bigint from pg_partition_tree(s.oid) t)"
    " else pg_relation_size(s.oid) end as heap_bytes from shown s),"
    " chosen as (select s.*, s.is_table and row_number() over budget <= 64"
    " and sum(s.heap_bytes) over budget <= 16 * 1024 * 1024 as is_counted from sized s"
    " window budget as (order by s.is_table desc, s.heap_bytes > 16 * 1024 * 1024,"
    " s.reltuples >= 0, s.heap_bytes, s.table_name))"
    " select l.table_name as cursor_key, json_build_object('name', l.table_name,"
    " 'columns', (select coalesce(json_agg(json_build_object('name', a.attname,"
    " 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum), '[]'::json)"
    " from pg_attribute a where a.attrelid = l.oid and a.attnum > 0 and not a.attisdropped),"
    " 'row_count', case when l.is_table and not l.is_counted and l.reltuples >= 0 then"
    " (case when l.relpages > 0 then l.reltuples / l.relpages * (l.heap_bytes"
    " / current_setting('block_size')::int) else l.reltuples end)::bigint end,"
    " 'row_count_exact', l.is_counted,"
    " 'size_bytes', case l.relkind when 'p' then (select coalesce(sum(pg_total_relation_size(t.relid)),"
    " 0)::bigint from pg_partition_tree(l.oid) t) else pg_total_relation_size(l.oid) end,"
    " 'last_load_at', " HG_SQL_TIME("l.committed_at") ","
    " 'pipeline_id', l.pipeline_id, 'run_id', l.run_id) as item from chosen l order by l.table_name",
    2};
/* clang-format on */

static const struct hg_statement find_table = {
    "datasets_find",
    "select to_regclass($1) is not null as found from headgate.ledger where table_name = $1"
    " limit 1",
    1};

/* All of these in one go: an array of their counts. */
static int ask_counts(
    struct hg_db *db, json_t *const *items, size_t n, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf none = HG_BUF_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = HG_OK;
    hg_buf_puts(&sql, "select pg_catalog.json_build_array(");
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        hg_buf_puts(&sql, i == 0 ? "(select count(*) from " : "), (select count(*) from ");
        r = hg_quote_table(&sql, json_string_value(json_object_get(items[i], "name")), err);
    }
    hg_buf_puts(&sql, "))");
    r = r == HG_OK && hg_buf_failed(&sql) ? hg_error_nomem(err) : r;
    r = r < 0 ? r : hg_user_query(db, hg_buf_text(&sql), &none, COUNT_LOCK_MS, &result, err);
    if (r == HG_OK) {
        *ret = hg_result_json(result, 0, "item");
        r = *ret ? HG_OK : hg_error_nomem(err);
    }
    return r;
}

/* What cannot be counted, say since it was dropped just now, is listed without a count. */
static int count_rows(struct hg_db *db, json_t *const *items, size_t n, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *counts = NULL;
    int r = ask_counts(db, items, n, &counts, err);
    for (size_t i = 0; i < n; i++) {
        json_t *count = json_array_get(counts, i);
        (void)json_object_set_new(items[i], "row_count_exact", json_boolean(count));
        (void)json_object_set(items[i], "row_count", count ? count : json_null());
    }
    return r;
}

/* One that cannot be counted spoils it for all; then each is asked for alone. */
static int count_page(struct hg_db *db, json_t *const *items, size_t n, struct hg_error *err)
{
    int r = count_rows(db, items, n, err);
    for (size_t i = 0; r < 0 && i < n; i++) {
        if (PQstatus(hg_db_conn(db)) != CONNECTION_OK) {
            return r;
        }
        (void)count_rows(db, &items[i], 1, err);
    }
    return HG_OK;
}

static bool is_dataset_name(const char *text)
{
    return strchr(text, '.') != NULL;
}

static int count_all(struct hg_pool *warehouse, json_t *items, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    json_t *counted[COUNTED_MAX];
    size_t n = 0;
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item) {
        if (json_is_true(json_object_get(item, "row_count_exact")) && n < COUNTED_MAX) {
            counted[n++] = item;
        }
    }
    int r = n > 0 ? hg_pool_borrow(warehouse, HG_BORROW_MS, &db, err) : HG_OK;
    return r < 0 || n == 0 ? r : count_page(db, counted, n, err);
}

int hg_datasets_list(struct hg_pool *warehouse,
                     const struct hg_page *page,
                     json_t **ret,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    const struct hg_page_query query = {.pool = warehouse,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list_datasets,
                                        .is_key = is_dataset_name};
    int r = hg_page_ask(&query, page, &list, err);
    r = r < 0 ? r : count_all(warehouse, json_object_get(list, "items"), err);
    if (r == HG_OK) {
        *ret = HG_TAKE(list);
    }
    return r;
}

static int check_table(struct hg_db *db, const char *schema_table, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {schema_table};
    int r = hg_db_exec(db, &find_table, params, &result, err);
    if (r == HG_OK && (PQntuples(result) == 0 || !hg_result_bool(result, 0, "found"))) {
        hg_error_set(err, HG_ENOTFOUND, "there is no dataset \"%.128s\"", schema_table);
        hg_error_hint(err, "Only tables that a pipeline has loaded are served; see the list.");
        return HG_ENOTFOUND;
    }
    return r;
}

int hg_datasets_rows(struct hg_pool *warehouse,
                     const char *schema_table,
                     const struct hg_rows_query *query,
                     json_t **ret,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(warehouse, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : check_table(db, schema_table, err);
    return r < 0 ? r : hg_rows_query_run(db, schema_table, query, ret, err);
}

int hg_datasets_export_check(struct hg_pool *warehouse,
                             const char *schema_table,
                             const struct hg_rows_query *query,
                             struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(warehouse, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : check_table(db, schema_table, err);
    return r < 0 ? r : hg_rows_export_check(db, schema_table, query, err);
}

int hg_datasets_export(struct hg_pool *warehouse,
                       const char *schema_table,
                       const struct hg_rows_query *query,
                       enum hg_rows_format format,
                       const struct hg_rows_sink *sink,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(warehouse, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : check_table(db, schema_table, err);
    return r < 0 ? r : hg_rows_export_run(db, schema_table, query, format, sink, err);
}
