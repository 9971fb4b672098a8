#include "flow/misfit.h"

#include <stdio.h>

#include "base/mem.h"
#include "flow/encode.h"
#include "store/quote.h"

enum { SAID_BYTES = 380, HINT_BYTES = 255, INT2_OID = 21, FLOAT4_OID = 700 };

void hg_misfit_free(struct hg_misfit *misfit)
{
    hg_buf_free(&misfit->says);
    hg_buf_free(&misfit->changes);
    hg_buf_free(&misfit->index);
    hg_buf_free(&misfit->cast);
}

/* ---- noting ---- */

static void say(struct hg_misfit *misfit, const char *fmt, ...) HG_PRINTF(2, 3);

static void say(struct hg_misfit *misfit, const char *fmt, ...)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    va_list args;
    va_start(args, fmt);
    hg_buf_vprintf(&text, fmt, args);
    va_end(args);
    misfit->n++;
    if (misfit->n_said > 0 && misfit->says.len + text.len > SAID_BYTES) {
        return;
    }
    hg_buf_puts(&misfit->says, misfit->n_said++ > 0 ? "; " : "");
    hg_buf_puts(&misfit->says, hg_buf_text(&text));
}

static void change(struct hg_misfit *misfit, const char *what, const char *column)
{
    hg_buf_puts(&misfit->changes, misfit->changes.len > 0 ? ", " : "");
    hg_buf_puts(&misfit->changes, what);
    hg_quote_ident(&misfit->changes, column);
}

void hg_misfit_missing(struct hg_misfit *misfit, const struct hg_flow_column *column)
{
    say(misfit, "it has no column \"%s\", which the source gives", column->name);
    change(misfit, "ADD COLUMN ", column->name);
    hg_buf_putc(&misfit->changes, ' ');
    hg_mapping_type_name(&misfit->changes, column);
}

/* What the source gives, what the table has, and the type that takes each value of both. */
static const struct {
    int given;
    bool utc;
    uint32_t had;
    const char *both;
} for_both[] = {
    {HG_TYPE_INT32, false, INT2_OID, "integer"},
    {HG_TYPE_INT32, false, HG_OID_NUMERIC, "numeric"},
    {HG_TYPE_INT64, false, INT2_OID, "bigint"},
    {HG_TYPE_INT64, false, HG_OID_INT4, "bigint"},
    {HG_TYPE_INT64, false, HG_OID_NUMERIC, "numeric"},
    {HG_TYPE_DECIMAL128, false, INT2_OID, "numeric"},
    {HG_TYPE_DECIMAL128, false, HG_OID_INT4, "numeric"},
    {HG_TYPE_DECIMAL128, false, HG_OID_INT8, "numeric"},
    {HG_TYPE_DECIMAL128, false, HG_OID_NUMERIC, "numeric"},
    {HG_TYPE_FLOAT64, false, INT2_OID, "double precision"},
    {HG_TYPE_FLOAT64, false, HG_OID_INT4, "double precision"},
    {HG_TYPE_FLOAT64, false, FLOAT4_OID, "double precision"},
    {HG_TYPE_TIMESTAMP_US, false, HG_OID_DATE, "timestamp without time zone"},
    {HG_TYPE_TIMESTAMP_US, false, HG_OID_TIMESTAMP, "timestamp without time zone"},
    {HG_TYPE_TIMESTAMP_US, true, HG_OID_TIMESTAMPTZ, "timestamp with time zone"},
};

/* NULL when there is none: then values of the one would have to be understood as the other. */
static const char *type_for_both(const struct hg_flow_column *column, uint32_t oid)
{
    if (column->type == HG_TYPE_UTF8 && !column->json) {
        return "text";
    }
    for (size_t i = 0; i < HG_COUNT(for_both); i++) {
        if (for_both[i].given == column->type && for_both[i].utc == column->utc &&
            for_both[i].had == oid) {
            return for_both[i].both;
        }
    }
    return NULL;
}

void hg_misfit_type(struct hg_misfit *misfit,
                    const struct hg_flow_column *column,
                    uint32_t oid,
                    const char *type)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf given = HG_BUF_INIT;
    const char *both = type_for_both(column, oid);
    hg_mapping_type_name(&given, column);
    say(misfit,
        "column \"%s\" is %s, the source gives %s, which does not go into it without loss",
        column->name,
        type,
        hg_buf_text(&given));
    if (both) {
        change(misfit, "ALTER COLUMN ", column->name);
        hg_buf_printf(&misfit->changes, " TYPE %s", both);
        return;
    }
    hg_buf_puts(&misfit->cast, misfit->cast.len > 0 ? ", " : "");
    hg_quote_ident(&misfit->cast, column->name);
    hg_buf_printf(&misfit->cast, " as %s", type);
}

void hg_misfit_generated(struct hg_misfit *misfit, const struct hg_flow_column *column)
{
    say(misfit, "column \"%s\" is always generated, and the source gives it", column->name);
}

void hg_misfit_not_given(struct hg_misfit *misfit, const char *name)
{
    say(misfit,
        "column \"%s\" takes no null and has no default, and the source does not give it",
        name);
    change(misfit, "ALTER COLUMN ", name);
    hg_buf_puts(&misfit->changes, " DROP NOT NULL");
}

void hg_misfit_no_index(struct hg_misfit *misfit, const char *key)
{
    say(misfit, "it has no unique index on exactly the key of the merge");
    hg_buf_puts(&misfit->index, key);
}

/* ---- saying ---- */

static void put_hint(const struct hg_misfit *misfit, struct hg_buf *hint)
{
    bool runs = misfit->changes.len > 0 || misfit->index.len > 0;
    if (misfit->cast.len > 0) {
        hg_buf_printf(
            hint,
            "Have the source give %s: cast in its query, or say the type in its config.%s",
            hg_buf_text(&misfit->cast),
            runs ? " " : "");
    }
    hg_buf_puts(hint, runs ? "Run in the warehouse:" : "");
    if (misfit->changes.len > 0) {
        hg_buf_printf(hint, " ALTER TABLE %s %s;", misfit->quoted, hg_buf_text(&misfit->changes));
    }
    if (misfit->index.len > 0) {
        hg_buf_printf(
            hint, " CREATE UNIQUE INDEX ON %s (%s);", misfit->quoted, hg_buf_text(&misfit->index));
    }
}

int hg_misfit_error(const struct hg_misfit *misfit, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf hint = HG_BUF_INIT;
    char more[40] = "";
    if (misfit->n == 0) {
        return HG_OK;
    }
    if (misfit->n > misfit->n_said) {
        (void)snprintf(more, sizeof more, "; and %zu more", misfit->n - misfit->n_said);
    }
    put_hint(misfit, &hint);
    if (hg_buf_failed(&hint) || hg_buf_failed(&misfit->says) || hg_buf_failed(&misfit->changes) ||
        hg_buf_failed(&misfit->index) || hg_buf_failed(&misfit->cast)) {
        return hg_error_nomem(err);
    }
    hg_error_set(err,
                 HG_EINVAL,
                 "table %s does not fit: %s%s",
                 misfit->table,
                 hg_buf_text(&misfit->says),
                 more);
    /* Half a statement is worse than none. */
    return hg_error_hint(err,
                         "%s",
                         hint.len <= HINT_BYTES
                             ? hg_buf_text(&hint)
                             : "Change the table in the warehouse, or what the source gives;"
                               " docs/pipelines.md says how.");
}
