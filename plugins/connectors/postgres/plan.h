/*
 * What is read: the columns, where each type of theirs goes, and the statement.
 */
#ifndef POSTGRES_PLAN_H
#define POSTGRES_PLAN_H

#include "conn.h"
#include "headgate/batch.h"

/* How a field of COPY BINARY is decoded. */
enum pg_code {
    PG_BOOL = 1,
    PG_INT2,
    PG_INT4,
    PG_INT8,
    PG_FLOAT4,
    PG_FLOAT8,
    PG_DECIMAL,      /* numeric into decimal128 */
    PG_NUMERIC_TEXT, /* numeric into utf8 */
    PG_TEXT,
    PG_JSONB,
    PG_UUID,
    PG_BYTEA,
    PG_DATE,
    PG_TIMESTAMP,
    PG_TIMESTAMPTZ
};

struct pg_column {
    char *name;
    enum pg_code code;
    int32_t type; /* enum hg_type */
    int32_t precision;
    int32_t scale;
    bool is_json;
    bool is_given; /* else read for the cursor or the key only */
    bool is_key;
    const char *cast; /* what the statement makes of it, "%s" being the column; NULL: nothing */
};

struct pg_plan {
    struct pg_column *columns; /* those that are given come first */
    size_t n_columns;
    size_t n_given;
    int cursor;     /* index, or -1 */
    bool whole_row; /* there is no key: rows are told apart by all they have */
    char *from;     /* "s"."t", or (query) */
    char *name;     /* for people: s.t, or "the query" */
};

/*
 * `stream` is a table "schema.table", or NULL for what the configuration says. *ret is emptied with
 * pg_plan_done, also when this fails.
 */
hg_status pg_plan_make(struct pg_conn *conn,
                       const struct pg_config *config,
                       const char *stream,
                       struct pg_plan *ret,
                       struct hg_error *err);
void pg_plan_done(struct pg_plan *plan);
hg_status pg_plan_schema(const struct pg_plan *plan, struct ArrowSchema *ret, struct hg_error *err);
/* The columns that are given, for a builder; *ret is the caller's, free. */
hg_status pg_plan_columns(const struct pg_plan *plan, struct hg_column **ret, struct hg_error *err);
/* COPY (...) TO STDOUT (FORMAT binary); `from_value`: of the cursor. malloc'ed, NULL without
 * memory. */
char *pg_plan_copy(const struct pg_plan *plan, bool from_value, bool lag);
/* The SQL type of the cursor: "bigint". Static. */
const char *pg_plan_cursor_type(const struct pg_plan *plan);

#endif
