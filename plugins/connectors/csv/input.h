/*
 * The bytes of a file as UTF-8: read with an eye on cancelling, decompressed, recoded.
 */
#ifndef CSV_INPUT_H
#define CSV_INPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "headgate/plugin.h"

enum csv_compression { CSV_AUTO = 0, CSV_NONE, CSV_GZIP, CSV_ZSTD };

enum csv_encoding { CSV_UTF8 = 0, CSV_UTF16LE, CSV_UTF16BE, CSV_LATIN1, CSV_WINDOWS1252 };

/* By number of enum csv_encoding. */
extern const char *const csv_encoding_names[];

/* How a read learns that it shall stop. */
struct csv_cancel {
    atomic_bool wanted;
    int event_fd; /* becomes readable with it; -1: none */
    const struct hg_host *host;
};

bool csv_cancelled(struct csv_cancel *cancel);

/* A stage that bytes come from. Reads 0 bytes at the end, and again after it. */
struct csv_stage {
    hg_status (*read)(
        struct csv_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err);
    void (*free)(struct csv_stage *stage);
};

/* Takes NULL. */
void csv_stage_free(struct csv_stage *stage);

/* Most bytes of one read of a file; tests make it small. */
extern size_t csv_file_read_most;

/* Stages. Each owns the one it reads from, also when it cannot be made. */
hg_status csv_file_stage(int fd,
                         const char *name,
                         struct csv_cancel *cancel,
                         struct csv_stage **ret,
                         struct hg_error *err);
hg_status csv_gzip_stage(struct csv_stage *from,
                         const char *name,
                         struct csv_stage **ret,
                         struct hg_error *err);
hg_status csv_zstd_stage(struct csv_stage *from,
                         const char *name,
                         struct csv_stage **ret,
                         struct hg_error *err);
/*
 * Text that is not of the encoding becomes the byte 0xFF, which no UTF-8 has, so that it is found
 * where the row is known.
 */
hg_status csv_recode_stage(struct csv_stage *from,
                           enum csv_encoding encoding,
                           struct csv_stage **ret,
                           struct hg_error *err);

/*
 * All of them as needed. `fd` is owned by the input, also when this fails; `name` and `cancel` are
 * borrowed until it is freed. A byte order mark is taken away. HG_EDATA for what is plainly no
 * text (another compression, a workbook, UTF-16 without being told).
 */
hg_status csv_input_open(int fd,
                         const char *name,
                         enum csv_compression compression,
                         enum csv_encoding encoding,
                         struct csv_cancel *cancel,
                         struct csv_stage **ret,
                         struct hg_error *err);

#endif
