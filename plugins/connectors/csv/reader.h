/*
 * A read of files of delimited text.
 */
#ifndef CSV_READER_H
#define CSV_READER_H

#include "chunk.h"
#include "config.h"
#include "file_reader.h"
#include "typing.h"

extern const struct src_format csv_format;

struct csv_reader {
    struct src_reader base;
    struct csv_config *config;
    struct csv_typing typing;
    struct csv_chunk *chunk;
    struct csv_cutter *cutter;

    /* The file at hand. */
    struct csv_dialect dialect;
    struct csv_layout layout;
    int64_t text_offset; /* bytes of its text in front of the buffer */

    char *buf;
    uint32_t size; /* without the padding */
};

/* file.c: opening and filling, used by the reader only. */
hg_status csv_reader_open_file(struct csv_reader *r, struct hg_error *err);
hg_status csv_reader_fill(struct csv_reader *r, struct hg_error *err);

#endif
