/*
 * Texts of any origin, made fit for PostgreSQL.
 */
#ifndef HG_FLOW_TEXT_H
#define HG_FLOW_TEXT_H

#include "base/buf.h"

/* Appends a text that PostgreSQL takes: a NUL byte and what is not UTF-8 become U+FFFD. */
void hg_clean_text(struct hg_buf *buf, const char *text, size_t n);
/* Appends a JSON text that jsonb takes: a NUL byte and what is not UTF-8 become U+FFFD. */
void hg_jsonb_text(struct hg_buf *buf, const char *text, size_t n);
/* Appends one reason to a JSON list that begins with "[". */
void hg_reason_append(struct hg_buf *reasons,
                      const char *rule,
                      const char *column,
                      const char *message);

#endif
