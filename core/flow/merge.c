#include "flow/merge.h"

#include "base/mem.h"
#include "base/parse.h"
#include "store/quote.h"

#define STAGE "pg_temp.headgate_stage"
#define LAST  "pg_temp.headgate_last"
#define FOUND "pg_temp.headgate_found"
#define SEQ   "\"_hg_seq\""

/* Sorting and hashing millions of rows on disk for want of 60 MB would cost more than it saves. */
static const char memory_sql[] = "set local work_mem = '64MB'";

static int run(struct hg_flow *flow, struct hg_buf *sql, int64_t *ret_rows, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_buf_failed(sql) ? hg_error_nomem(err)
                               : hg_db_simple(flow->db, hg_buf_text(sql), &result, err);
    if (r == HG_OK && ret_rows) {
        *ret_rows = 0;
        (void)hg_parse_int64(PQcmdTuples(result), 0, INT64_MAX, ret_rows, NULL);
    }
    hg_buf_reset(sql);
    return r;
}

int hg_merge_stage(struct hg_flow *flow,
                   const struct hg_flow_schema *schema,
                   const struct hg_target *target,
                   struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql, "create temporary table headgate_stage on commit drop as select ");
    hg_target_columns(target, schema, "", &sql);
    hg_buf_printf(
        &sql, ", 0::bigint as %s from %s with no data", SEQ, hg_buf_text(&target->quoted));
    int r = run(flow, &sql, NULL, err);
    hg_buf_free(&sql);
    return r;
}

void hg_merge_copy_sql(const struct hg_flow_schema *schema,
                       const struct hg_target *target,
                       struct hg_buf *sql)
{
    hg_buf_puts(sql, "copy " STAGE " (");
    hg_target_columns(target, schema, "", sql);
    hg_buf_puts(sql, ", " SEQ ") from stdin (format binary)");
}

/* "t.a = s.a and t.b = s.b" */
static void join(const struct hg_flow_schema *schema,
                 const struct hg_target *target,
                 struct hg_buf *sql)
{
    for (size_t i = 0; i < target->n_key; i++) {
        const char *name = schema->columns[target->key[i]].name;
        hg_buf_puts(sql, i > 0 ? " and t." : "t.");
        hg_quote_ident(sql, name);
        hg_buf_puts(sql, " = s.");
        hg_quote_ident(sql, name);
    }
}

/*
 * The loaded columns that are not of the key, each as `before`, its name, `between`, its name.
 * Where keys that are equal may still look different, as under some collations, those of the key
 * too.
 */
static size_t others(const struct hg_flow_schema *schema,
                     const struct hg_target *target,
                     const char *before,
                     const char *between,
                     struct hg_buf *sql)
{
    size_t n = 0;
    for (size_t i = 0; i < target->n_columns; i++) {
        int column = target->columns[i].column;
        if (target->plain_key && hg_target_is_key(target, column)) {
            continue;
        }
        hg_buf_puts(sql, n++ > 0 ? ", " : "");
        hg_buf_puts(sql, before);
        hg_quote_ident(sql, schema->columns[column].name);
        if (between) {
            hg_buf_puts(sql, between);
            hg_quote_ident(sql, schema->columns[column].name);
        }
    }
    return n;
}

/* The last row of each key in a table of its own. */
static int keep_last(struct hg_flow *flow,
                     const struct hg_flow_schema *schema,
                     const struct hg_target *target,
                     int64_t *ret_rows,
                     struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql,
                "create temporary table headgate_last on commit drop as select distinct on (");
    hg_target_key(target, schema, "", &sql);
    hg_buf_puts(&sql, ") * from " STAGE " order by ");
    hg_target_key(target, schema, "", &sql);
    hg_buf_puts(&sql, ", " SEQ " desc");
    int r = run(flow, &sql, ret_rows, err);
    hg_buf_free(&sql);
    return r;
}

/*
 * The numbers of those rows whose key is in the table. They are looked for once, by their keys
 * alone: when all are new, or none is, that spares reading both tables a second time.
 */
static int find_present(struct hg_flow *flow,
                        const struct hg_flow_schema *schema,
                        const struct hg_target *target,
                        const char *from,
                        int64_t *ret_rows,
                        struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_printf(&sql,
                  "create temporary table headgate_found on commit drop as select s." SEQ
                  ", t.xmin = pg_current_xact_id()::xid as again from %s s join %s t on ",
                  from,
                  hg_buf_text(&target->quoted));
    join(schema, target, &sql);
    int r = run(flow, &sql, ret_rows, err);
    hg_buf_free(&sql);
    return r;
}

/* Keys that this transaction has put into the table itself before are counted already. */
static int count_again(struct hg_flow *flow, int64_t *ret_rows, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_simple(flow->db, "select count(*) as n from " FOUND " where again", &result, err);
    if (r == HG_OK) {
        *ret_rows = hg_result_int64(result, 0, "n", 0);
    }
    return r;
}

/*
 * Rows are compared byte by byte as records: it is the row that counts, not whether its values are
 * equal in the eyes of their types. Rows that are the same already are left alone, for an update
 * would write them again.
 */
static int update_present(struct hg_flow *flow,
                          const struct hg_flow_schema *schema,
                          const struct hg_target *target,
                          const char *from,
                          struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_printf(&sql, "update %s t set ", hg_buf_text(&target->quoted));
    size_t n = others(schema, target, "", " = s.", &sql);
    hg_buf_printf(&sql, " from %s s where ", from);
    join(schema, target, &sql);
    hg_buf_puts(&sql, " and row(");
    (void)others(schema, target, "t.", NULL, &sql);
    hg_buf_puts(&sql, ")::record operator(pg_catalog.*<>) row(");
    (void)others(schema, target, "s.", NULL, &sql);
    hg_buf_puts(&sql, ")::record");
    int r = n > 0 ? run(flow, &sql, NULL, err) : HG_OK;
    hg_buf_free(&sql);
    return r;
}

static int insert_new(struct hg_flow *flow,
                      const struct hg_flow_schema *schema,
                      const struct hg_target *target,
                      const char *from,
                      bool all,
                      struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_printf(&sql, "insert into %s (", hg_buf_text(&target->quoted));
    hg_target_columns(target, schema, "", &sql);
    hg_buf_puts(&sql, ") select ");
    hg_target_columns(target, schema, "s.", &sql);
    hg_buf_printf(&sql, " from %s s", from);
    if (!all) {
        hg_buf_puts(&sql,
                    " where not exists (select from " FOUND " f where f." SEQ " = s." SEQ ")");
    }
    int r = run(flow, &sql, NULL, err);
    hg_buf_free(&sql);
    return r;
}

static int lock_and_analyze(struct hg_flow *flow,
                            const struct hg_target *target,
                            const char *from,
                            struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_printf(&sql,
                  "lock table %s in share row exclusive mode; analyze %s",
                  hg_buf_text(&target->quoted),
                  from);
    int r = run(flow, &sql, NULL, err);
    hg_buf_free(&sql);
    return r;
}

int hg_merge_run(struct hg_flow *flow,
                 const struct hg_flow_schema *schema,
                 const struct hg_target *target,
                 const struct hg_merge_facts *facts,
                 int64_t *ret_rows,
                 struct hg_error *err)
{
    const char *from = facts->distinct ? STAGE : LAST;
    int64_t n_keys = facts->rows_staged;
    int64_t n_present = 0;
    int64_t n_again = 0;
    int r = hg_db_simple(flow->db, memory_sql, NULL, err);
    if (r == HG_OK && !facts->distinct) {
        r = keep_last(flow, schema, target, &n_keys, err);
    }
    r = r < 0 ? r : lock_and_analyze(flow, target, from, err);
    r = r < 0 ? r : find_present(flow, schema, target, from, &n_present, err);
    if (r == HG_OK && facts->rows_direct > 0) {
        r = count_again(flow, &n_again, err);
    }
    if (r == HG_OK && n_present > 0) {
        r = update_present(flow, schema, target, from, err);
    }
    if (r == HG_OK && n_present < n_keys) {
        r = insert_new(flow, schema, target, from, n_present == 0, err);
    }
    if (r == HG_OK) {
        *ret_rows = n_keys - n_again;
    }
    return r;
}
