#include "plan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

static const struct known {
    Oid oid;
    enum pg_code code;
    int32_t type;
    bool is_json;
    const char *cursor; /* as which it is compared; NULL: no cursor */
} known[] = {
    {16, PG_BOOL, HG_TYPE_BOOL, false, NULL},
    {21, PG_INT2, HG_TYPE_INT32, false, "smallint"},
    {23, PG_INT4, HG_TYPE_INT32, false, "integer"},
    {20, PG_INT8, HG_TYPE_INT64, false, "bigint"},
    {700, PG_FLOAT4, HG_TYPE_FLOAT64, false, NULL},
    {701, PG_FLOAT8, HG_TYPE_FLOAT64, false, NULL},
    {1700, PG_NUMERIC_TEXT, HG_TYPE_UTF8, false, NULL},
    {25, PG_TEXT, HG_TYPE_UTF8, false, "text"},
    {1043, PG_TEXT, HG_TYPE_UTF8, false, "text"},
    {1042, PG_TEXT, HG_TYPE_UTF8, false, NULL},
    {18, PG_TEXT, HG_TYPE_UTF8, false, NULL},
    {19, PG_TEXT, HG_TYPE_UTF8, false, NULL},
    {2950, PG_UUID, HG_TYPE_UTF8, false, "uuid"},
    {114, PG_TEXT, HG_TYPE_UTF8, true, NULL},
    {3802, PG_JSONB, HG_TYPE_UTF8, true, NULL},
    {17, PG_BYTEA, HG_TYPE_BINARY, false, NULL},
    {1082, PG_DATE, HG_TYPE_DATE32, false, "date"},
    {1114, PG_TIMESTAMP, HG_TYPE_TIMESTAMP_US, false, "timestamp"},
    {1184, PG_TIMESTAMPTZ, HG_TYPE_TIMESTAMP_US, false, "timestamptz"},
};

static const struct known *find_known(Oid oid)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].oid == oid) {
            return &known[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------ */
/* Where from                                                                                   */
/* ------------------------------------------------------------------------------------------ */

/* "s"."t" of s.t; a name without a schema is of schema public. */
static hg_status from_table(struct pg_conn *conn,
                            const char *table,
                            struct pg_plan *plan,
                            struct hg_error *err)
{
    const char *dot = strchr(table, '.');
    const char *name = dot ? dot + 1 : table;
    char *s = dot ? PQescapeIdentifier(conn->pq, table, (size_t)(dot - table))
                  : PQescapeIdentifier(conn->pq, "public", 6);
    char *t = PQescapeIdentifier(conn->pq, name, strlen(name));
    int n = s && t ? asprintf(&plan->from, "%s.%s", s, t) : -1;
    PQfreemem(s);
    PQfreemem(t);
    if (n < 0) {
        plan->from = NULL;
        return hg_fail_nomem(err);
    }
    plan->name = strdup(table);
    return plan->name ? HG_OK : hg_fail_nomem(err);
}

/* The query as a table of its own; the extended protocol takes no second statement behind it. */
static hg_status from_query(const char *query, struct pg_plan *plan, struct hg_error *err)
{
    size_t n = strlen(query);
    while (n > 0 && (isspace((unsigned char)query[n - 1]) || query[n - 1] == ';')) {
        n--;
    }
    if (asprintf(&plan->from, "(%.*s\n)", (int)n, query) < 0) {
        plan->from = NULL;
        return hg_fail_nomem(err);
    }
    plan->name = strdup("the query");
    return plan->name ? HG_OK : hg_fail_nomem(err);
}

static hg_status find_source(struct pg_conn *conn,
                             const struct pg_config *config,
                             const char *stream,
                             struct pg_plan *plan,
                             struct hg_error *err)
{
    if (config->query) {
        return from_query(config->query, plan, err);
    }
    const char *table = config->table ? config->table : stream;
    if (!table) {
        hg_fail(err, HG_EINVAL, "neither a table nor a query says what to read");
        return hg_fail_pointer(err, HG_EINVAL, "/table");
    }
    return from_table(conn, table, plan, err);
}

/* ------------------------------------------------------------------------------------------ */
/* Types                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static const char *own_type(const struct pg_config *config, const char *name)
{
    const struct hg_config_pair *pairs = config->types.items;
    for (size_t i = 0; i < config->types.n; i++) {
        if (strcmp(pairs[i].key, name) == 0) {
            return pairs[i].value;
        }
    }
    return NULL;
}

static hg_status numeric_type(const struct pg_config *config,
                              int typmod,
                              struct pg_column *column,
                              struct hg_error *err)
{
    const char *own = own_type(config, column->name);
    int32_t precision = typmod >= 4 ? (typmod - 4) >> 16 & 0xFFFF : 0;
    int32_t scale = typmod >= 4 ? (((typmod - 4) & 0x7FF) ^ 1024) - 1024 : 0;
    if (own && strcmp(own, "utf8") == 0) {
        return HG_OK;
    }
    if (own && strcmp(own, "float64") == 0) {
        column->code = PG_FLOAT8;
        column->type = HG_TYPE_FLOAT64;
        column->cast = "(%s)::float8";
        return HG_OK;
    }
    struct hg_column wanted;
    if (own && (!hg_type_parse(own, &wanted) || wanted.type != HG_TYPE_DECIMAL128)) {
        hg_fail(err, HG_EINVAL, "column \"%s\": \"%s\" is no type for numeric", column->name, own);
        hg_fail_hint(err, HG_EINVAL, "It is decimal(precision,scale), float64 or utf8.");
        return hg_fail_pointer(err, HG_EINVAL, "/types/%s", column->name);
    }
    if (own) {
        precision = wanted.precision;
        scale = wanted.scale;
    }
    if (precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision) {
        column->code = PG_DECIMAL;
        column->type = HG_TYPE_DECIMAL128;
        column->precision = precision;
        column->scale = scale;
    }
    return HG_OK;
}

/* Arrays and composites become JSON, all other types their own text. */
static hg_status other_type(struct pg_conn *conn,
                            Oid oid,
                            struct pg_column *column,
                            struct hg_error *err)
{
    char text[16];
    const char *const values[] = {text};
    PGresult *result;
    snprintf(text, sizeof text, "%u", oid);
    hg_status status = pg_conn_run(conn,
                                   "SELECT typcategory IN ('A', 'C') FROM pg_catalog.pg_type"
                                   " WHERE oid = $1::pg_catalog.oid",
                                   1,
                                   values,
                                   &result,
                                   err);
    if (status) {
        return status;
    }
    column->code = PG_TEXT;
    column->type = HG_TYPE_UTF8;
    column->is_json = PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
    column->cast = column->is_json ? "pg_catalog.to_json(%s)::text" : "(%s)::text";
    PQclear(result);
    return HG_OK;
}

static hg_status set_type(struct pg_conn *conn,
                          const struct pg_config *config,
                          const PGresult *described,
                          int field,
                          struct pg_column *column,
                          struct hg_error *err)
{
    Oid oid = PQftype(described, field);
    const struct known *k = find_known(oid);
    if (!k) {
        return other_type(conn, oid, column, err);
    }
    column->code = k->code;
    column->type = k->type;
    column->is_json = k->is_json;
    /* Their binary forms are not their texts. */
    column->cast = oid == 18 ? "(%s)::text" : NULL;
    return oid == 1700 ? numeric_type(config, PQfmod(described, field), column, err) : HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Columns                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static bool in_list(const struct hg_config_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(((char *const *)list->items)[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static hg_status no_column(const struct pg_plan *plan,
                           const char *name,
                           const char *pointer,
                           struct hg_error *err)
{
    hg_fail(err, HG_EINVAL, "%s has no column \"%s\"", plan->name, name);
    return hg_fail_pointer(err, HG_EINVAL, "%s", pointer);
}

static hg_status check_list(const struct pg_plan *plan,
                            const PGresult *described,
                            const struct hg_config_list *list,
                            const char *pointer,
                            struct hg_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *name = ((char *const *)list->items)[i];
        bool found = false;
        for (int field = 0; field < PQnfields(described); field++) {
            found |= strcmp(PQfname(described, field), name) == 0;
        }
        if (!found) {
            return no_column(plan, name, pointer, err);
        }
    }
    return HG_OK;
}

/* `key` are the columns that tell rows apart. */
static hg_status take_columns(struct pg_conn *conn,
                              const struct pg_config *config,
                              const PGresult *described,
                              const struct hg_config_list *key,
                              struct pg_plan *plan,
                              struct hg_error *err)
{
    int n = PQnfields(described);
    plan->cursor = -1;
    plan->columns = calloc((size_t)n + 1, sizeof *plan->columns);
    if (!plan->columns) {
        return hg_fail_nomem(err);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int field = 0; field < n; field++) {
            const char *name = PQfname(described, field);
            bool is_cursor = config->cursor && strcmp(config->cursor, name) == 0;
            bool is_key = config->cursor && in_list(key, name);
            bool given = config->columns.n == 0 || in_list(&config->columns, name);
            if (pass == 0 ? !given : given || !(is_cursor || is_key)) {
                continue;
            }
            struct pg_column *column = &plan->columns[plan->n_columns];
            column->name = strdup(name);
            if (!column->name) {
                return hg_fail_nomem(err);
            }
            column->is_given = given;
            column->is_key = is_key;
            plan->cursor = is_cursor ? (int)plan->n_columns : plan->cursor;
            plan->n_columns++;
            plan->n_given += given;
            hg_status status = set_type(conn, config, described, field, column, err);
            if (status) {
                return status;
            }
            const struct known *k = find_known(PQftype(described, field));
            if (is_cursor && !(k && k->cursor)) {
                hg_fail(
                    err, HG_EINVAL, "the column \"%s\" is of a type that cannot be a cursor", name);
                hg_fail_hint(err,
                             HG_EINVAL,
                             "A cursor is a whole number, a date, a timestamp, a uuid or a text.");
                return hg_fail_pointer(err, HG_EINVAL, "/cursor");
            }
        }
    }
    return config->cursor && plan->cursor < 0 ? no_column(plan, config->cursor, "/cursor", err)
                                              : HG_OK;
}

static hg_status describe(struct pg_conn *conn,
                          const struct pg_plan *plan,
                          PGresult **ret,
                          struct hg_error *err)
{
    char *sql = NULL;
    if (asprintf(&sql, "SELECT * FROM %s AS q LIMIT 0", plan->from) < 0) {
        return hg_fail_nomem(err);
    }
    hg_status status = pg_conn_run(conn, sql, 0, NULL, ret, err);
    free(sql);
    return status;
}

/* The names of the primary key's columns, as a list whose texts are the result's. */
static hg_status primary_key(struct pg_conn *conn,
                             const struct pg_plan *plan,
                             PGresult **ret_result,
                             struct hg_config_list *ret,
                             struct hg_error *err)
{
    const char *const values[] = {plan->from};
    hg_status status =
        pg_conn_run(conn,
                    "SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a"
                    " ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
                    " WHERE i.indisprimary AND i.indrelid = $1::pg_catalog.regclass",
                    1,
                    values,
                    ret_result,
                    err);
    if (status) {
        return status;
    }
    size_t n = (size_t)PQntuples(*ret_result);
    char **names = calloc(n + 1, sizeof *names);
    if (!names) {
        return hg_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = PQgetvalue(*ret_result, (int)i, 0);
    }
    *ret = (struct hg_config_list){names, n};
    return HG_OK;
}

hg_status pg_plan_make(struct pg_conn *conn,
                       const struct pg_config *config,
                       const char *stream,
                       struct pg_plan *ret,
                       struct hg_error *err)
{
    PGresult *described = NULL;
    PGresult *keys = NULL;
    struct hg_config_list primary = {NULL, 0};
    *ret = (struct pg_plan){.cursor = -1};
    hg_status status = find_source(conn, config, stream, ret, err);
    if (!status) {
        status = describe(conn, ret, &described, err);
    }
    if (!status) {
        status = check_list(ret, described, &config->columns, "/columns", err);
    }
    if (!status) {
        status = check_list(ret, described, &config->key, "/key", err);
    }
    if (!status && config->cursor && config->key.n == 0 && !config->query) {
        status = primary_key(conn, ret, &keys, &primary, err);
    }
    const struct hg_config_list *key = config->key.n > 0 ? &config->key : &primary;
    ret->whole_row = key->n == 0;
    if (!status) {
        status = take_columns(conn, config, described, key, ret, err);
    }
    if (!status && ret->n_given == 0) {
        status = hg_fail(err, HG_EINVAL, "%s has no columns", ret->name);
    }
    free(primary.items);
    PQclear(described);
    PQclear(keys);
    return status;
}

void pg_plan_done(struct pg_plan *plan)
{
    for (size_t i = 0; i < plan->n_columns; i++) {
        free(plan->columns[i].name);
    }
    free(plan->columns);
    free(plan->from);
    free(plan->name);
    *plan = (struct pg_plan){.cursor = -1};
}

hg_status pg_plan_columns(const struct pg_plan *plan, struct hg_column **ret, struct hg_error *err)
{
    static const char *const json[] = {"headgate.type", "json", NULL};
    struct hg_column *columns = calloc(plan->n_given, sizeof *columns);
    if (!columns) {
        return hg_fail_nomem(err);
    }
    for (size_t i = 0; i < plan->n_given; i++) {
        const struct pg_column *c = &plan->columns[i];
        columns[i] = (struct hg_column){
            .name = c->name,
            .type = c->type,
            .precision = c->precision,
            .scale = c->scale,
            .nullable = true,
            .timezone = c->code == PG_TIMESTAMPTZ ? "UTC" : NULL,
            .metadata = c->is_json ? json : NULL,
        };
    }
    *ret = columns;
    return HG_OK;
}

hg_status pg_plan_schema(const struct pg_plan *plan, struct ArrowSchema *ret, struct hg_error *err)
{
    struct hg_column *columns = NULL;
    hg_status status = pg_plan_columns(plan, &columns, err);
    if (status) {
        return status;
    }
    status = hg_batch_schema(columns, plan->n_given, ret, err);
    free(columns);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* The statement                                                                                */
/* ------------------------------------------------------------------------------------------ */

const char *pg_plan_cursor_type(const struct pg_plan *plan)
{
    enum pg_code code = plan->columns[plan->cursor].code;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].code == code && known[i].cursor) {
            return known[i].cursor;
        }
    }
    return "text";
}

static void put_name(FILE *out, const char *name)
{
    fputs("q.\"", out);
    for (const char *p = name; *p; p++) {
        fputs(*p == '"' ? "\"\"" : (char[2]){*p, '\0'}, out);
    }
    fputc('"', out);
}

static void put_column(FILE *out, const struct pg_column *column)
{
    const char *cast = column->cast ? column->cast : "%s";
    const char *at = strstr(cast, "%s");
    fwrite(cast, 1, (size_t)(at - cast), out);
    put_name(out, column->name);
    fputs(at + 2, out);
}

/* Values come as settings of the transaction, as COPY takes no parameters. */
static void put_condition(FILE *out, const struct pg_plan *plan, bool from_value, bool lag)
{
    const char *name = plan->columns[plan->cursor].name;
    const char *type = pg_plan_cursor_type(plan);
    bool is_text = strcmp(type, "text") == 0;
    const char *collate = is_text ? " COLLATE \"C\"" : "";
    fputs(" WHERE ", out);
    put_name(out, name);
    fputs(" IS NOT NULL", out);
    if (strcmp(type, "date") == 0 || strncmp(type, "timestamp", 9) == 0) {
        fputs(" AND pg_catalog.isfinite(", out);
        put_name(out, name);
        fputc(')', out);
    }
    if (from_value) {
        fputs(" AND ", out);
        put_name(out, name);
        fprintf(out, "%s >= pg_catalog.current_setting('headgate.cursor')::%s", collate, type);
    }
    if (lag) {
        fputs(" AND ", out);
        put_name(out, name);
        fprintf(out,
                " <= (pg_catalog.now() - pg_catalog.current_setting('headgate.lag')::interval)::%s",
                type);
    }
    fputs(" ORDER BY ", out);
    put_name(out, name);
    fputs(collate, out);
}

char *pg_plan_copy(const struct pg_plan *plan, bool from_value, bool lag)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return NULL;
    }
    fputs("COPY (SELECT ", out);
    for (size_t i = 0; i < plan->n_columns; i++) {
        fputs(i > 0 ? ", " : "", out);
        put_column(out, &plan->columns[i]);
    }
    fprintf(out, " FROM %s AS q", plan->from);
    if (plan->cursor >= 0) {
        put_condition(out, plan, from_value, lag);
    }
    fputs(") TO STDOUT (FORMAT binary)", out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
