#include "sql_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/quote.h"

/* The rows that no rule rejects. */
#define GOOD "(select * from judged where rejected_by is null) good"

static const char *const rule_names[] = {"not_null", "unique", "range", "toy_unique"};

/* ---- running SQL ---- */

PGconn *model_connect(const char *conninfo)
{
    PGconn *db = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(db), CONNECTION_OK);
    model_run(db,
              "set client_min_messages = error; set timezone = 'UTC'; set search_path = public");
    return db;
}

PGresult *model_query(PGconn *db, const char *sql)
{
    PGresult *result = PQexec(db, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        (void)fprintf(stderr, "%s\n%s", sql, PQerrorMessage(db));
        fail();
    }
    return result;
}

void model_run(PGconn *db, const char *sql)
{
    PQclear(model_query(db, sql));
}

int64_t model_number(PGconn *db, const char *sql)
{
    PGresult *result = model_query(db, sql);
    int64_t number = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return number;
}

static void run_buf(const struct model *model, struct hg_buf *sql)
{
    model_run(model->db, hg_buf_text(sql));
    hg_buf_reset(sql);
}

static char *text_of(const struct model *model, struct hg_buf *sql)
{
    PGresult *result = model_query(model->db, hg_buf_text(sql));
    char *text = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    hg_buf_free(sql);
    return text;
}

/* ---- names ---- */

static void name(const struct model *model, int column, struct hg_buf *sql)
{
    hg_quote_ident(sql, model->columns[column].as.name);
}

/* "before a after, before b after": `list` of columns, NULL: all. */
static void name_list(const struct model *model,
                      const int *list,
                      int n,
                      const char *before,
                      const char *after,
                      struct hg_buf *sql)
{
    for (int i = 0; i < n; i++) {
        hg_buf_puts(sql, i > 0 ? ", " : "");
        hg_buf_puts(sql, before);
        name(model, list ? list[i] : i, sql);
        hg_buf_puts(sql, after);
    }
}

static bool is_key(const struct model *model, int column)
{
    for (int i = 0; i < model->n_key; i++) {
        if (model->key[i] == column) {
            return true;
        }
    }
    return false;
}

/* ---- tables ---- */

static void make_table(const struct model *model, const char *table, struct hg_buf *sql)
{
    hg_buf_printf(sql, "create table %s (", table);
    if (model->premade) {
        hg_buf_puts(sql, "extra integer default 7, ");
    }
    for (int i = model->n_columns - 1; i >= 0; i--) {
        name(model, i, sql);
        hg_buf_printf(sql,
                      " %s%s%s",
                      model->wide ? model->columns[i].wide : model->columns[i].natural,
                      model->not_null[i] ? " not null" : "",
                      i > 0 ? ", " : "");
    }
    if (model->keyed) {
        hg_buf_puts(sql, model->primary ? ", primary key (" : ", unique (");
        name_list(model, model->key, model->n_key, "", "", sql);
        hg_buf_putc(sql, ')');
    }
    hg_buf_puts(sql, ");");
}

void model_start(const struct model *model)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(
        &sql,
        "drop schema if exists m cascade; drop table if exists oracle, oracle_before, input,"
        " judged; delete from headgate.ledger; delete from headgate.ledger_head; delete from"
        " headgate.cursor; delete from headgate.quarantine;");
    if (model->premade) {
        hg_buf_puts(&sql, "create schema m authorization headgate_user;");
        make_table(model, "m.t", &sql);
        hg_buf_puts(&sql, "alter table m.t owner to headgate_user;");
    }
    make_table(model, "pg_temp.oracle", &sql);
    hg_buf_puts(&sql,
                "create temporary table oracle_before (like oracle); create temporary table input"
                " (seq integer, bad integer");
    for (int i = 0; i < model->n_columns; i++) {
        hg_buf_puts(&sql, ", ");
        name(model, i, &sql);
        hg_buf_printf(&sql, " %s", model->columns[i].natural);
    }
    hg_buf_puts(&sql, ")");
    run_buf(model, &sql);
    hg_buf_free(&sql);
}

/* ---- rows ---- */

static void take_results(PGconn *db)
{
    PGresult *result = NULL;
    bool synced = false;
    while (!synced) {
        result = PQgetResult(db);
        ExecStatusType status = PQresultStatus(result);
        if (result && status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_SYNC) {
            (void)fprintf(stderr, "insert: %s", PQerrorMessage(db));
            fail();
        }
        synced = status == PGRES_PIPELINE_SYNC;
        PQclear(result);
    }
}

static void send_row(const struct model *model, int row)
{
    struct hg_buf bufs[RANDOM_COLUMNS];
    const char *params[RANDOM_COLUMNS + 2];
    char seq[16];
    char bad[16];
    const struct random_cell *cells = model->cells + row * model->n_columns;
    (void)snprintf(seq, sizeof seq, "%d", row);
    params[0] = seq;
    params[1] = NULL;
    for (int i = 0; i < model->n_columns; i++) {
        bufs[i] = (struct hg_buf)HG_BUF_INIT;
        params[i + 2] = random_param(&model->columns[i], &cells[i], &bufs[i]);
        if (cells[i].beyond) {
            (void)snprintf(bad, sizeof bad, "%d", i);
            params[1] = bad;
        }
    }
    assert_int_equal(
        PQsendQueryPrepared(model->db, "put", model->n_columns + 2, params, NULL, NULL, 0), 1);
    for (int i = 0; i < model->n_columns; i++) {
        hg_buf_free(&bufs[i]);
    }
}

static void insert_rows(const struct model *model)
{
    enum { AT_ONCE = 200 };
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql, "insert into input values ($1::integer, $2::integer");
    for (int i = 0; i < model->n_columns; i++) {
        hg_buf_puts(&sql, ", ");
        random_from_param(&model->columns[i], i + 3, &sql);
    }
    hg_buf_putc(&sql, ')');
    model_run(model->db, "delete from input; deallocate all");
    PGresult *prepared = PQprepare(model->db, "put", hg_buf_text(&sql), 0, NULL);
    assert_int_equal(PQresultStatus(prepared), PGRES_COMMAND_OK);
    PQclear(prepared);
    assert_int_equal(PQenterPipelineMode(model->db), 1);
    for (int row = 0; row < model->n_rows; row++) {
        send_row(model, row);
        if (row % AT_ONCE == AT_ONCE - 1 || row == model->n_rows - 1) {
            assert_int_equal(PQpipelineSync(model->db), 1);
            for (int i = 0; i <= row % AT_ONCE; i++) {
                PGresult *result = PQgetResult(model->db);
                if (PQresultStatus(result) != PGRES_COMMAND_OK) {
                    (void)fprintf(stderr, "insert: %s", PQerrorMessage(model->db));
                    fail();
                }
                PQclear(result);
                assert_null(PQgetResult(model->db)); /* its end */
            }
            take_results(model->db);
        }
    }
    assert_int_equal(PQexitPipelineMode(model->db), 1);
    hg_buf_free(&sql);
}

/* ---- rules ---- */

static void all_there(const struct model *model, const struct model_rule *rule, struct hg_buf *sql)
{
    for (int i = 0; i < rule->n_columns; i++) {
        hg_buf_puts(sql, i > 0 ? " and " : "");
        name(model, rule->columns[i], sql);
        hg_buf_puts(sql, " is not null");
    }
}

static void bound(const struct model *model,
                  int column,
                  const char *compare,
                  const char *value,
                  struct hg_buf *sql)
{
    if (value[0] == '\0') {
        return;
    }
    hg_buf_puts(sql, " or ");
    name(model, column, sql);
    hg_buf_printf(sql, " %s ", compare);
    hg_quote_literal(sql, value);
    hg_buf_printf(sql, "::%s", model->columns[column].natural);
}

static void out_of_range(const struct model *model,
                         const struct model_mark *mark,
                         struct hg_buf *sql)
{
    const struct model_rule *rule = mark->rule;
    name(model, mark->column, sql);
    hg_buf_puts(sql, " is not null and (false");
    bound(model, mark->column, rule->exclusive ? "<=" : "<", rule->min, sql);
    bound(model, mark->column, rule->exclusive ? ">=" : ">", rule->max, sql);
    if (model->columns[mark->column].as.type == HG_TYPE_FLOAT64) {
        bound(model, mark->column, "=", "NaN", sql);
    }
    hg_buf_putc(sql, ')');
}

/* Whether a row fails, and whether it is looked at. */
static void mark_sql(const struct model *model, const struct model_mark *mark, struct hg_buf *sql)
{
    const struct model_rule *rule = mark->rule;
    switch (rule->kind) {
    case NOT_NULL:
        name(model, mark->column, sql);
        hg_buf_puts(sql, " is null");
        break;
    case UNIQUE:
        all_there(model, rule, sql);
        hg_buf_puts(sql, " and row_number() over (partition by ");
        name_list(model, rule->columns, rule->n_columns, "", "", sql);
        hg_buf_puts(sql, " order by seq) > 1");
        break;
    case TOY_UNIQUE:
        hg_buf_puts(sql, "row_number() over (partition by ");
        name_list(model, rule->columns, rule->n_columns, "coalesce(", ", -1)", sql);
        hg_buf_puts(sql, " order by seq) > 1");
        break;
    default:
        out_of_range(model, mark, sql);
    }
}

static void looked_at_sql(const struct model *model,
                          const struct model_mark *mark,
                          struct hg_buf *sql)
{
    if (mark->rule->kind == UNIQUE) {
        all_there(model, mark->rule, sql);
    } else if (mark->rule->kind == RANGE) {
        name(model, mark->column, sql);
        hg_buf_puts(sql, " is not null");
    } else {
        hg_buf_puts(sql, "true");
    }
}

static void list_marks(struct model *model)
{
    model->n_marks = 0;
    for (int i = 0; i < model->n_rules; i++) {
        const struct model_rule *rule = &model->rules[i];
        bool whole_row = rule->kind == UNIQUE || rule->kind == TOY_UNIQUE;
        for (int c = 0; c < (whole_row ? 1 : rule->n_columns); c++) {
            model->marks[model->n_marks++] =
                (struct model_mark){.rule = rule, .column = whole_row ? -1 : rule->columns[c]};
        }
    }
}

/* When the load itself cannot put a cell into the table. */
static void misfit_sql(const struct model *model, int column, struct hg_buf *sql)
{
    hg_buf_printf(sql, "(coalesce(bad = %d, false)", column);
    bool merges = strcmp(model->mode, "merge") == 0;
    if (model->not_null[column] || (is_key(model, column) && (merges || model->primary))) {
        hg_buf_puts(sql, " or ");
        name(model, column, sql);
        hg_buf_puts(sql, " is null");
    }
    if (model->wide && model->columns[column].as.type == HG_TYPE_DATE32) {
        hg_buf_puts(sql, " or coalesce(");
        name(model, column, sql);
        hg_buf_puts(sql, " > date '294276-12-31', false)");
    }
    hg_buf_putc(sql, ')');
}

/* Who rejects a row: the number of a check, or CHECKS for the load. */
static void rejected_by_sql(const struct model *model, struct hg_buf *sql)
{
    hg_buf_puts(sql, "case when false then 0");
    for (int i = 0; i < model->n_marks; i++) {
        if (model->marks[i].rule->on_fail == REJECT) {
            hg_buf_printf(sql, " when f%d then %d", i, model->marks[i].rule->check);
        }
    }
    hg_buf_puts(sql, " when false");
    for (int i = 0; i < model->n_columns; i++) {
        hg_buf_puts(sql, " or ");
        misfit_sql(model, i, sql);
    }
    hg_buf_printf(sql, " then %d end", CHECKS);
}

/* "rule:column;" for each reason that a row is rejected for. */
static void reasons_sql(const struct model *model, struct hg_buf *sql)
{
    hg_buf_printf(sql, "case when rejected_by < %d then ''", CHECKS);
    for (int i = 0; i < model->n_marks; i++) {
        const struct model_mark *mark = &model->marks[i];
        if (mark->rule->on_fail == REJECT) {
            hg_buf_printf(sql, " || case when f%d then '%s:' ||", i, rule_names[mark->rule->kind]);
            hg_quote_literal(sql, mark->column < 0 ? "" : model->columns[mark->column].as.name);
            hg_buf_puts(sql, " || ';' else '' end");
        }
    }
    hg_buf_puts(sql, " else ''");
    for (int i = 0; i < model->n_columns; i++) {
        hg_buf_puts(sql, " || case when ");
        misfit_sql(model, i, sql);
        hg_buf_puts(sql, " then ':' || ");
        hg_quote_literal(sql, model->columns[i].as.name);
        hg_buf_puts(sql, " || ';' else '' end");
    }
    hg_buf_puts(sql, " end");
}

static void judge_rows(const struct model *model)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql,
                "drop table if exists judged; create temporary table judged as"
                " with marked as (select *");
    for (int i = 0; i < model->n_marks; i++) {
        hg_buf_puts(&sql, ", (");
        mark_sql(model, &model->marks[i], &sql);
        hg_buf_printf(&sql, ") as f%d", i);
    }
    hg_buf_puts(&sql, " from input), told as (select *, ");
    rejected_by_sql(model, &sql);
    hg_buf_puts(&sql, " as rejected_by from marked) select *, ");
    reasons_sql(model, &sql);
    hg_buf_puts(&sql, " as reasons from told");
    run_buf(model, &sql);
    hg_buf_free(&sql);
}

static void count_marks(struct model *model)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql, "select ");
    for (int by = 0; by <= CHECKS; by++) {
        hg_buf_printf(&sql, "count(*) filter (where rejected_by = %d), ", by);
    }
    for (int i = 0; i < model->n_marks; i++) {
        hg_buf_puts(&sql, "count(*) filter (where ");
        looked_at_sql(model, &model->marks[i], &sql);
        hg_buf_printf(&sql, "), count(*) filter (where f%d), ", i);
    }
    hg_buf_puts(&sql, "0 from judged");
    PGresult *counts = model_query(model->db, hg_buf_text(&sql));
    int at = 0;
    for (int by = 0; by <= CHECKS; by++) {
        model->rejected[by] = strtoll(PQgetvalue(counts, 0, at++), NULL, 10);
    }
    model->stops = false;
    for (int i = 0; i < model->n_marks; i++) {
        struct model_mark *mark = &model->marks[i];
        mark->evaluated = strtoll(PQgetvalue(counts, 0, at++), NULL, 10);
        mark->failed = strtoll(PQgetvalue(counts, 0, at++), NULL, 10);
        model->stops |= mark->failed > 0 && mark->rule->on_fail == STOP;
    }
    PQclear(counts);
    hg_buf_free(&sql);
}

/* ---- modes ---- */

static void plain_insert(const struct model *model, struct hg_buf *sql)
{
    hg_buf_puts(sql, "insert into oracle (");
    name_list(model, NULL, model->n_columns, "", "", sql);
    hg_buf_puts(sql, ") select ");
    name_list(model, NULL, model->n_columns, "", "", sql);
    hg_buf_puts(sql, " from " GOOD);
}

static void upsert(const struct model *model, struct hg_buf *sql)
{
    int n = 0;
    hg_buf_puts(sql, "insert into oracle (");
    name_list(model, NULL, model->n_columns, "", "", sql);
    hg_buf_puts(sql, ") select distinct on (");
    name_list(model, model->key, model->n_key, "", "", sql);
    hg_buf_puts(sql, ") ");
    name_list(model, NULL, model->n_columns, "", "", sql);
    hg_buf_puts(sql, " from " GOOD " order by ");
    name_list(model, model->key, model->n_key, "", "", sql);
    hg_buf_puts(sql, ", seq desc on conflict (");
    name_list(model, model->key, model->n_key, "", "", sql);
    hg_buf_puts(sql, ") do ");
    for (int i = 0; i < model->n_columns; i++) {
        if (!is_key(model, i)) {
            hg_buf_puts(sql, n++ > 0 ? ", " : "update set ");
            name(model, i, sql);
            hg_buf_puts(sql, " = excluded.");
            name(model, i, sql);
        }
    }
    hg_buf_puts(sql, n > 0 ? "" : "nothing");
}

static void count_loaded(struct model *model)
{
    struct hg_buf sql = HG_BUF_INIT;
    if (strcmp(model->mode, "merge") == 0) {
        hg_buf_puts(&sql, "select count(*) from (select distinct ");
        name_list(model, model->key, model->n_key, "", "", &sql);
        hg_buf_puts(&sql, " from " GOOD ") k");
    } else {
        hg_buf_puts(&sql, "select count(*) from " GOOD);
    }
    model->n_loaded = model_number(model->db, hg_buf_text(&sql));
    hg_buf_free(&sql);
}

void model_judge(struct model *model)
{
    struct hg_buf sql = HG_BUF_INIT;
    insert_rows(model);
    list_marks(model);
    judge_rows(model);
    count_marks(model);
    count_loaded(model);
    model_run(model->db,
              "delete from oracle_before; insert into oracle_before select * from oracle");
    hg_buf_puts(&sql, strcmp(model->mode, "replace") == 0 ? "delete from oracle; " : "");
    (strcmp(model->mode, "merge") == 0 ? upsert : plain_insert)(model, &sql);
    PGresult *result = PQexec(model->db, hg_buf_text(&sql));
    model->fits = PQresultStatus(result) == PGRES_COMMAND_OK;
    (void)snprintf(model->why_not, sizeof model->why_not, "%s", PQresultErrorMessage(result));
    PQclear(result);
    hg_buf_free(&sql);
}

void model_undo(const struct model *model)
{
    model_run(model->db, "delete from oracle; insert into oracle select * from oracle_before");
}

/* ---- comparing ---- */

/* Both ways; as text, which tells 0 from -0 and 1.0 from 1.00. */
static char *compare(const struct model *model,
                     const char *left,
                     const char *right,
                     struct hg_buf *sql)
{
    hg_buf_printf(sql,
                  "select coalesce((select string_agg(d, E'\\n') from (select d from ("
                  "(select '+ ' || l::text as d from (select * from (%s) a except all select * from"
                  " (%s) b) l) union all (select '- ' || r::text from (select * from (%s) b except"
                  " all select * from (%s) a) r)) u limit 8) few), '')",
                  left,
                  right,
                  right,
                  left);
    return text_of(model, sql);
}

char *model_compare_table(const struct model *model)
{
    struct hg_buf sql = HG_BUF_INIT;
    struct hg_buf left = HG_BUF_INIT;
    struct hg_buf right = HG_BUF_INIT;
    const char *extra = model->premade ? ", extra::text" : "";
    hg_buf_puts(&left, "select ");
    name_list(model, NULL, model->n_columns, "", "::text", &left);
    hg_buf_printf(&left, "%s from ", extra);
    hg_buf_printf(&right, "%soracle", hg_buf_text(&left));
    hg_buf_puts(&left, "m.t");
    char *text = compare(model, hg_buf_text(&left), hg_buf_text(&right), &sql);
    hg_buf_free(&left);
    hg_buf_free(&right);
    return text;
}

static void describe(const char *table, struct hg_buf *sql)
{
    hg_buf_printf(sql,
                  "select attname::text, format_type(atttypid, atttypmod), attnotnull from"
                  " pg_attribute where attrelid = '%s'::regclass and attnum > 0 union all select"
                  " 'key', pg_get_constraintdef(oid), true from pg_constraint where conrelid ="
                  " '%s'::regclass",
                  table,
                  table);
}

char *model_compare_columns(const struct model *model)
{
    struct hg_buf sql = HG_BUF_INIT;
    struct hg_buf left = HG_BUF_INIT;
    struct hg_buf right = HG_BUF_INIT;
    describe("m.t", &left);
    describe("pg_temp.oracle", &right);
    char *text = compare(model, hg_buf_text(&left), hg_buf_text(&right), &sql);
    hg_buf_free(&left);
    hg_buf_free(&right);
    return text;
}

/* A cell of quarantine's row_data, and the same of the table judged, both as text. */
static void kept_cell(const struct model *model, int column, struct hg_buf *sql)
{
    int type = model->columns[column].as.type;
    struct hg_buf cell = HG_BUF_INIT;
    hg_buf_puts(&cell, "row_data->>");
    hg_quote_literal(&cell, model->columns[column].as.name);
    const char *text = hg_buf_text(&cell);
    if (type == HG_TYPE_DATE32) {
        hg_buf_printf(sql, "case when length(%s) <> 10 then '?' else %s end", text, text);
    } else if (type == HG_TYPE_TIMESTAMP_US) {
        hg_buf_printf(sql,
                      "case when %s !~ '^\\d{4}-' then '?' else (%s)::%s::text end",
                      text,
                      text,
                      model->columns[column].natural);
    } else if (type == HG_TYPE_BINARY) {
        hg_buf_printf(sql, "decode(%s, 'hex')::text", text);
    } else {
        hg_buf_printf(sql, "(%s)::%s::text", text, model->columns[column].natural);
    }
    hg_buf_free(&cell);
}

static void judged_cell(const struct model *model, int column, struct hg_buf *sql)
{
    int type = model->columns[column].as.type;
    if (type == HG_TYPE_DATE32 || type == HG_TYPE_TIMESTAMP_US) {
        hg_buf_printf(sql, "case when bad = %d then '?' when ", column);
        name(model, column, sql);
        hg_buf_puts(sql, " is null then null when ");
        name(model, column, sql);
        hg_buf_puts(sql, "::date between '0001-01-01' and '9999-12-31' then ");
        name(model, column, sql);
        hg_buf_puts(sql, "::text else '?' end");
    } else if (type == HG_TYPE_FLOAT64) {
        /* JSON in PostgreSQL has no -0. */
        hg_buf_puts(sql, "(0::double precision + ");
        name(model, column, sql);
        hg_buf_puts(sql, ")::text");
    } else {
        name(model, column, sql);
        hg_buf_puts(sql, "::text");
    }
}

static void who_rejected(const struct model *model, struct hg_buf *sql)
{
    hg_buf_puts(sql, "(array[");
    for (int i = 0; i < CHECKS; i++) {
        hg_buf_printf(sql, "'check%d', ", i);
    }
    hg_buf_puts(sql, "'load'])[rejected_by + 1]");
    (void)model;
}

char *model_compare_quarantine(const struct model *model,
                               const char *run_id,
                               bool exact,
                               bool positions)
{
    struct hg_buf sql = HG_BUF_INIT;
    struct hg_buf left = HG_BUF_INIT;
    struct hg_buf right = HG_BUF_INIT;
    hg_buf_puts(&left, "select 'quarantine'");
    hg_buf_puts(&right, "select 'quarantine'");
    for (int i = 0; i < model->n_columns; i++) {
        hg_buf_puts(&left, ", ");
        kept_cell(model, i, &left);
        hg_buf_puts(&right, ", ");
        judged_cell(model, i, &right);
    }
    if (positions) {
        hg_buf_puts(&left, ", position");
        hg_buf_puts(&right, ", 'at ' || seq");
    }
    if (exact) {
        hg_buf_puts(&left,
                    ", job_id, (select string_agg(concat(r->>'rule', ':', r->>'column', ';'), ''"
                    " order by n) from jsonb_array_elements(reasons) with ordinality as e (r, n))");
        hg_buf_puts(&right, ", ");
        who_rejected(model, &right);
        hg_buf_puts(&right, ", reasons");
    }
    hg_buf_printf(&left, " from headgate.quarantine where run_id = '%s'", run_id);
    hg_buf_puts(&right, " from judged where rejected_by is not null");
    char *text = compare(model, hg_buf_text(&left), hg_buf_text(&right), &sql);
    hg_buf_free(&left);
    hg_buf_free(&right);
    return text;
}
