/*
 * The bytes of a file as UTF-8: read with an eye on cancelling, decompressed, recoded.
 */
#ifndef SRC_INPUT_H
#define SRC_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cancel.h"

enum src_compression { SRC_AUTO = 0, SRC_NONE, SRC_GZIP, SRC_ZSTD };

enum src_encoding { SRC_UTF8 = 0, SRC_UTF16LE, SRC_UTF16BE, SRC_LATIN1, SRC_WINDOWS1252 };

/* By number of enum src_encoding. */
extern const char *const src_encoding_names[];

/* A stage that bytes come from. Reads 0 bytes at the end, and again after it. */
struct src_stage {
    hg_status (*read)(
        struct src_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err);
    void (*free)(struct src_stage *stage);
};

/* Takes NULL. */
void src_stage_free(struct src_stage *stage);

/* Most bytes of one read of a file; tests make it small. */
extern size_t src_file_read_most;

/* Stages. Each owns the one it reads from, also when it cannot be made. */
hg_status src_file_stage(int fd,
                         const char *name,
                         struct src_cancel *cancel,
                         struct src_stage **ret,
                         struct hg_error *err);
hg_status src_gzip_stage(struct src_stage *from,
                         const char *name,
                         struct src_stage **ret,
                         struct hg_error *err);
hg_status src_zstd_stage(struct src_stage *from,
                         const char *name,
                         struct src_stage **ret,
                         struct hg_error *err);
/*
 * Text that is not of the encoding becomes the byte 0xFF, which no UTF-8 has, so that it is found
 * where the row is known.
 */
hg_status src_recode_stage(struct src_stage *from,
                           enum src_encoding encoding,
                           struct src_stage **ret,
                           struct hg_error *err);

/*
 * All of them as needed. `fd` is owned by the input, also when this fails; `name` and `cancel` are
 * borrowed until it is freed. A byte order mark is taken away. HG_EDATA for what is plainly no
 * text (another compression, a workbook, UTF-16 without being told).
 */
hg_status src_input_open(int fd,
                         const char *name,
                         enum src_compression compression,
                         enum src_encoding encoding,
                         struct src_cancel *cancel,
                         struct src_stage **ret,
                         struct hg_error *err);

#endif
