/*
 * A read: one statement, as batches.
 */
#ifndef POSTGRES_READER_H
#define POSTGRES_READER_H

#include "cursor.h"

struct pg_reader {
    const struct hg_host *host;
    const struct hg_reject *reject;
    const struct pg_config *config;
    struct pg_conn conn;
    struct pg_plan plan;
    struct pg_cursor cursor;
    struct pg_field *fields;
    struct hg_batch *batch;
    int64_t batch_rows;
    int64_t rows; /* that the other database sent */
    int64_t rejected;
    int64_t total; /* rows given */
    bool began;    /* the head of the data was read */
    bool done;
};

/* Connects and starts the statement. Everything is borrowed until the reader is freed. */
hg_status pg_reader_new(const struct hg_host *host,
                        const struct pg_config *config,
                        struct src_cancel *cancel,
                        const struct hg_read_request *request,
                        struct pg_reader **ret,
                        struct hg_error *err);
/* Takes NULL. */
void pg_reader_free(struct pg_reader *reader);
/* The next batch, owned by the caller; ret->release is NULL at the end. */
hg_status pg_reader_next(struct pg_reader *reader, struct ArrowArray *ret, struct hg_error *err);

#endif
