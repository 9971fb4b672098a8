/*
 * Array parameters: many rows to one statement (`unnest($1::uuid[], $2::text[])`).
 *
 *     HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
 *     hg_array_put(&ids, "...");
 *     const char *const params[] = {hg_array_text(&ids)};
 */
#ifndef HG_STORE_ARRAY_H
#define HG_STORE_ARRAY_H

#include <stdint.h>

#include "base/buf.h"

/* Appends an element, quoted as the text form of an array wants it; NULL is SQL NULL. */
void hg_array_put(struct hg_buf *array, const char *value);
void hg_array_put_int64(struct hg_buf *array, int64_t value);
/* The whole array, borrowed until the buffer changes; NULL when there was no memory for it. */
const char *hg_array_text(struct hg_buf *array);

#endif
