/*
 * Names and literals within SQL. The only way in which a name gets into SQL text.
 */
#ifndef HG_STORE_QUOTE_H
#define HG_STORE_QUOTE_H

#include "base/buf.h"
#include "base/error.h"

/* Appends a quoted identifier. */
void hg_quote_ident(struct hg_buf *sql, const char *name);
/*
 * Appends "schema.table" as two quoted identifiers; HG_EINVAL, with nothing appended, when it is
 * not exactly two names of 1 to 63 bytes of UTF-8.
 */
int hg_quote_table(struct hg_buf *sql, const char *schema_table, struct hg_error *err);
/* Appends a quoted literal, for utility statements, which take no parameters. */
void hg_quote_literal(struct hg_buf *sql, const char *text);

#endif
