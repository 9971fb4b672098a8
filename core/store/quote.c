#include "store/quote.h"

#include <string.h>

#include "base/str.h"

enum { MAX_NAME_BYTES = 63 }; /* PostgreSQL cuts longer ones, silently */

static void quote(struct hg_buf *sql, const char *text, size_t n, char mark)
{
    hg_buf_putc(sql, mark);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == mark) {
            hg_buf_putc(sql, mark);
        }
        hg_buf_putc(sql, text[i]);
    }
    hg_buf_putc(sql, mark);
}

void hg_quote_ident(struct hg_buf *sql, const char *name)
{
    quote(sql, name, strlen(name), '"');
}

int hg_quote_table(struct hg_buf *sql, const char *schema_table, struct hg_error *err)
{
    const char *dot = strchr(schema_table, '.');
    size_t n_schema = dot ? (size_t)(dot - schema_table) : 0;
    size_t n_table = dot ? strlen(dot + 1) : 0;
    size_t n = strlen(schema_table);
    if (n_schema == 0 || n_table == 0 || strchr(dot + 1, '.') || n_schema > MAX_NAME_BYTES ||
        n_table > MAX_NAME_BYTES || hg_utf8_valid(schema_table, n) != n) {
        hg_error_set(err, HG_EINVAL, "\"%.140s\" does not name a table", schema_table);
        (void)hg_error_hint(
            err, "Write schema.table, two names of at most %d bytes each.", MAX_NAME_BYTES);
        return HG_EINVAL;
    }
    quote(sql, schema_table, n_schema, '"');
    hg_buf_putc(sql, '.');
    quote(sql, dot + 1, n_table, '"');
    return HG_OK;
}

void hg_quote_literal(struct hg_buf *sql, const char *text)
{
    /* With a backslash in it the literal is written as E'', which does not depend on the session's
     * standard_conforming_strings. */
    if (!strchr(text, '\\')) {
        quote(sql, text, strlen(text), '\'');
        return;
    }
    hg_buf_puts(sql, " E'");
    for (const char *c = text; *c; c++) {
        if (*c == '\'' || *c == '\\') {
            hg_buf_putc(sql, *c);
        }
        hg_buf_putc(sql, *c);
    }
    hg_buf_putc(sql, '\'');
}
