/*
 * Rows of a table or query of the warehouse as record batches, by COPY ... BINARY.
 */
#ifndef HG_FLOW_READER_H
#define HG_FLOW_READER_H

#include <stddef.h>

#include "base/error.h"
#include "headgate/schema.h"
#include "store/db.h"

struct hg_reader;

/*
 * Starts reading what `select` gives, whose columns must be of those types on the wire (numeric for
 * a decimal, text for utf8). `columns` is borrowed. The connection belongs to the reader until
 * hg_reader_next has said that there is no more, or hg_reader_close.
 */
int hg_reader_open(struct hg_db *db,
                   const char *select,
                   const struct hg_column *columns,
                   size_t n_columns,
                   struct hg_reader **ret,
                   struct hg_error *err);
/* The next batch, owned by the caller; ret->release is NULL at the end. */
int hg_reader_next(struct hg_reader *reader, struct ArrowArray *ret, struct hg_error *err);
/* Gives up what has not been read; takes NULL. */
void hg_reader_close(struct hg_reader *reader);

#endif
