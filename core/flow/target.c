#include "flow/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/misfit.h"
#include "store/quote.h"

static const struct hg_statement find_columns = {
    "flow_find_columns",
    "select c.oid::bigint as relation, c.relkind::text as relkind, a.attname::text as name,"
    " a.atttypid::bigint as oid, a.atttypmod as typmod,"
    " format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null,"
    " (a.atthasdef or a.attidentity <> '') as has_default,"
    " (a.attgenerated <> '' or a.attidentity = 'a') as is_generated,"
    " coalesce((select l.collisdeterministic from pg_collation l where l.oid = a.attcollation),"
    " true) as plain"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
    " where n.nspname = $1 and c.relname = $2 order by a.attnum",
    2};

static const struct hg_statement find_schema = {
    "flow_find_schema", "select 1 from pg_namespace where nspname = $1", 1};

static const struct hg_statement find_unique = {
    "flow_find_unique",
    "select 1 from pg_index i where i.indrelid = $1::bigint::oid and i.indisunique"
    " and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null"
    " and (select array_agg(a.attname::text order by a.attname::text) from pg_attribute a"
    " where a.attrelid = i.indrelid"
    " and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]))"
    " = (select array_agg(k order by k) from jsonb_array_elements_text($2::jsonb) k)",
    2};

void hg_target_free(struct hg_target *target)
{
    hg_buf_free(&target->quoted);
    free(target->columns);
    free(target->guards);
    free(target->key);
    memset(target, 0, sizeof *target);
}

/* ---- the statements that hints and this file itself use ---- */

static void append_names(const struct hg_flow_schema *schema,
                         const char *prefix,
                         struct hg_buf *sql,
                         const int *columns,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hg_buf_puts(sql, i > 0 ? ", " : "");
        hg_buf_puts(sql, prefix);
        hg_quote_ident(sql, schema->columns[columns[i]].name);
    }
}

void hg_target_columns(const struct hg_target *target,
                       const struct hg_flow_schema *schema,
                       const char *prefix,
                       struct hg_buf *sql)
{
    for (size_t i = 0; i < target->n_columns; i++) {
        hg_buf_puts(sql, i > 0 ? ", " : "");
        append_names(schema, prefix, sql, &target->columns[i].column, 1);
    }
}

void hg_target_key(const struct hg_target *target,
                   const struct hg_flow_schema *schema,
                   const char *prefix,
                   struct hg_buf *sql)
{
    append_names(schema, prefix, sql, target->key, target->n_key);
}

bool hg_target_is_key(const struct hg_target *target, int column)
{
    for (size_t i = 0; i < target->n_key; i++) {
        if (target->key[i] == column) {
            return true;
        }
    }
    return false;
}

static int run(struct hg_flow *flow, struct hg_buf *sql, struct hg_error *err)
{
    int r = hg_buf_failed(sql) ? hg_error_nomem(err)
                               : hg_db_simple(flow->db, hg_buf_text(sql), NULL, err);
    hg_buf_free(sql);
    return r;
}

/* ---- making ---- */

/*
 * Flows that make something in one schema do so one after the other: two statements `create schema
 * if not exists` at the same moment still collide. Held until the transaction ends.
 */
static const struct hg_statement lock_making = {
    "flow_lock_making", "select pg_advisory_xact_lock(hashtext('headgate.make'), hashtext($1))", 1};

static int make_schema(struct hg_flow *flow, const char *schema, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {schema};
    int r = hg_db_exec(flow->db, &find_schema, params, &result, err);
    if (r < 0 || PQntuples(result) > 0) {
        return r;
    }
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql, "create schema ");
    hg_quote_ident(&sql, schema);
    return run(flow, &sql, err);
}

static int make_table(struct hg_target *target,
                      struct hg_flow *flow,
                      const struct hg_flow_schema *schema,
                      struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_printf(&sql, "create table %s (", hg_buf_text(&target->quoted));
    for (size_t i = 0; i < target->n_columns; i++) {
        const struct hg_flow_column *column = &schema->columns[target->columns[i].column];
        hg_buf_puts(&sql, i > 0 ? ", " : "");
        hg_quote_ident(&sql, column->name);
        hg_buf_putc(&sql, ' ');
        hg_mapping_type_name(&sql, column);
        target->columns[i].mapping = hg_mapping_natural(column);
        target->guards[i].not_null = hg_target_is_key(target, target->columns[i].column);
        target->guards[i].as_json = column->json;
    }
    hg_buf_putc(&sql, ')');
    target->created = true;
    return run(flow, &sql, err);
}

int hg_target_add_key(const struct hg_target *target,
                      struct hg_flow *flow,
                      const struct hg_flow_schema *schema,
                      struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_printf(&sql, "alter table %s add primary key (", hg_buf_text(&target->quoted));
    hg_target_key(target, schema, "", &sql);
    hg_buf_putc(&sql, ')');
    return run(flow, &sql, err);
}

/* ---- comparing ---- */

static int find_row(const PGresult *table, const char *name)
{
    for (int i = 0; i < PQntuples(table); i++) {
        const char *text = hg_result_text(table, i, "name");
        if (text && strcmp(text, name) == 0) {
            return i;
        }
    }
    return -1;
}

static void match_column(struct hg_target *target,
                         const struct hg_flow_schema *schema,
                         size_t i,
                         const PGresult *table,
                         struct hg_misfit *misfit)
{
    const struct hg_flow_column *column = &schema->columns[target->columns[i].column];
    int row = find_row(table, column->name);
    if (row < 0) {
        hg_misfit_missing(misfit, column);
        return;
    }
    if (hg_result_bool(table, row, "is_generated")) {
        hg_misfit_generated(misfit, column);
        return;
    }
    uint32_t oid = (uint32_t)hg_result_int64(table, row, "oid", 0);
    const struct hg_mapping *mapping =
        hg_mapping_into(column, oid, (int32_t)hg_result_int64(table, row, "typmod", -1));
    if (!mapping) {
        hg_misfit_type(misfit, column, oid, hg_result_text(table, row, "type"));
        return;
    }
    bool is_key = hg_target_is_key(target, target->columns[i].column);
    target->columns[i].mapping = mapping;
    target->guards[i].not_null = is_key || hg_result_bool(table, row, "not_null");
    target->guards[i].as_time = oid == HG_OID_TIMESTAMP;
    target->guards[i].as_json = oid == HG_OID_JSONB;
    target->plain_key &= !is_key || hg_result_bool(table, row, "plain");
}

/* Columns that the source does not give must do without it. */
static void check_others(const struct hg_flow_schema *schema,
                         const PGresult *table,
                         struct hg_misfit *misfit)
{
    for (int row = 0; row < PQntuples(table); row++) {
        const char *name = hg_result_text(table, row, "name");
        if (name && hg_flow_schema_find(schema, name) < 0 &&
            hg_result_bool(table, row, "not_null") && !hg_result_bool(table, row, "has_default")) {
            hg_misfit_not_given(misfit, name);
        }
    }
}

static int check_unique(const struct hg_target *target,
                        struct hg_flow *flow,
                        const struct hg_flow_schema *schema,
                        const json_t *key,
                        const char *relation,
                        struct hg_misfit *misfit,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf columns = HG_BUF_INIT;
    HG_CLEANUP(hg_freep) char *names = json_dumps(key, JSON_COMPACT);
    const char *const params[] = {relation, names};
    int r = names ? hg_db_exec(flow->db, &find_unique, params, &result, err) : hg_error_nomem(err);
    if (r == HG_OK && PQntuples(result) == 0) {
        hg_target_key(target, schema, "", &columns);
        hg_misfit_no_index(misfit, hg_buf_text(&columns));
    }
    return r;
}

static int match_table(struct hg_target *target,
                       struct hg_flow *flow,
                       const struct hg_flow_schema *schema,
                       const json_t *key,
                       const PGresult *table,
                       struct hg_error *err)
{
    const char *kind = hg_result_text(table, 0, "relkind");
    int r = HG_OK;
    if (!kind || (strcmp(kind, "r") != 0 && strcmp(kind, "p") != 0)) {
        return hg_error_set(err, HG_EINVAL, "\"%s\" is not a table", target->name);
    }
    struct hg_misfit misfit = {.table = target->name, .quoted = hg_buf_text(&target->quoted)};
    for (size_t i = 0; i < target->n_columns; i++) {
        match_column(target, schema, i, table, &misfit);
    }
    check_others(schema, table, &misfit);
    if (target->n_key > 0) {
        const char *relation = hg_result_text(table, 0, "relation");
        r = check_unique(target, flow, schema, key, relation, &misfit, err);
    }
    r = r < 0 ? r : hg_misfit_error(&misfit, err);
    hg_misfit_free(&misfit);
    return r;
}

/* ---- opening ---- */

static int read_key(struct hg_target *target,
                    const struct hg_flow_schema *schema,
                    const json_t *key,
                    struct hg_error *err)
{
    size_t n = json_array_size(key);
    target->plain_key = true;
    if (!key) {
        return HG_OK;
    }
    if (n == 0) {
        return hg_error_set(err, HG_EINVAL, "a merge needs a key");
    }
    target->key = calloc(n, sizeof *target->key);
    if (!target->key) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(key, i));
        int column = name ? hg_flow_schema_find(schema, name) : -1;
        if (column < 0 || column == schema->position) {
            return hg_error_set(err,
                                HG_EINVAL,
                                "the key's column \"%s\" is not among those of the source",
                                name ? name : "");
        }
        target->plain_key &= !schema->columns[column].json;
        target->key[target->n_key++] = column;
    }
    return HG_OK;
}

static int list_columns(struct hg_target *target,
                        const struct hg_flow_schema *schema,
                        bool position,
                        struct hg_error *err)
{
    target->columns = calloc(schema->n_columns, sizeof *target->columns);
    target->guards = calloc(schema->n_columns, sizeof *target->guards);
    if (!target->columns || !target->guards) {
        return hg_error_nomem(err);
    }
    for (int i = 0; i < (int)schema->n_columns; i++) {
        if (position || i != schema->position) {
            target->columns[target->n_columns].column = i;
            target->guards[target->n_columns++].column = i;
        }
    }
    return target->n_columns > 0
               ? HG_OK
               : hg_error_set(err, HG_EINVAL, "the source gives no column that could be loaded");
}

static int find_or_make(struct hg_target *target,
                        struct hg_flow *flow,
                        const struct hg_flow_schema *schema,
                        const json_t *key,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *table = NULL;
    HG_CLEANUP(hg_freep) char *schema_name = strdup(target->name);
    if (!schema_name) {
        return hg_error_nomem(err);
    }
    char *dot = strchr(schema_name, '.'); /* hg_quote_table has seen to it that there is one */
    *dot = '\0';
    const char *const params[] = {schema_name, dot + 1};
    int r = hg_db_exec(flow->db, &find_columns, params, &table, err);
    if (r == HG_OK && PQntuples(table) == 0) {
        r = hg_db_exec(flow->db, &lock_making, params, NULL, err);
        PQclear(HG_TAKE(table));
        r = r < 0 ? r : hg_db_exec(flow->db, &find_columns, params, &table, err);
    }
    if (r == HG_OK && PQntuples(table) > 0) {
        return match_table(target, flow, schema, key, table, err);
    }
    r = r < 0 ? r : make_schema(flow, schema_name, err);
    r = r < 0 ? r : make_table(target, flow, schema, err);
    if (r == HG_EEXIST && err) {
        err->retryable = 1; /* somebody else made it at the same moment */
    }
    return r;
}

int hg_target_open(struct hg_target *target,
                   struct hg_flow *flow,
                   const struct hg_flow_schema *schema,
                   const char *table,
                   const json_t *key,
                   struct hg_error *err)
{
    *target = (struct hg_target){.name = table};
    int r = hg_quote_table(&target->quoted, table, err);
    r = r < 0 ? r : list_columns(target, schema, false, err);
    r = r < 0 ? r : read_key(target, schema, key, err);
    return r < 0 ? r : find_or_make(target, flow, schema, key, err);
}

/*
 * JSON is kept as the text that it is, for a load may want it so; whether it is valid is seen when
 * it is loaded.
 */
static void make_stage_column(struct hg_target *target,
                              const struct hg_flow_schema *schema,
                              size_t i,
                              struct hg_buf *sql)
{
    struct hg_flow_column column = schema->columns[target->columns[i].column];
    column.type = target->columns[i].column == schema->position ? HG_TYPE_UTF8 : column.type;
    column.json = false;
    hg_quote_ident(sql, column.name);
    hg_buf_putc(sql, ' ');
    hg_mapping_type_name(sql, &column);
    target->columns[i].mapping = hg_mapping_natural(&column);
}

int hg_target_make_stage(struct hg_target *target,
                         struct hg_flow *flow,
                         const struct hg_flow_schema *schema,
                         const char *table,
                         struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    *target = (struct hg_target){.name = table, .created = true};
    int r = hg_quote_table(&target->quoted, table, err);
    r = r < 0 ? r : list_columns(target, schema, true, err);
    if (r < 0) {
        return r;
    }
    hg_buf_printf(&sql, "create table %s (", hg_buf_text(&target->quoted));
    for (size_t i = 0; i < target->n_columns; i++) {
        make_stage_column(target, schema, i, &sql);
        hg_buf_puts(&sql, ", ");
    }
    hg_buf_puts(&sql, "\"_hg_seq\" bigint)");
    return run(flow, &sql, err);
}
