/*
 * The bytes of a file as UTF-8: read with an eye on cancelling, decompressed, recoded.
 */
#ifndef SRC_INPUT_H
#define SRC_INPUT_H

#include "cancel.h"
#include "recode.h"

enum src_compression { SRC_AUTO = 0, SRC_NONE, SRC_GZIP, SRC_ZSTD };

/* Most bytes of one read of a file; tests make it small. */
extern size_t src_file_read_most;

/*
 * The stages that the file needs. `fd` is owned by the input, also when this fails; `name` and
 * `cancel` are borrowed until it is freed. A byte order mark is taken away. HG_EDATA for what is
 * plainly no text (another compression, a workbook, UTF-16 without being told).
 */
hg_status src_input_open(int fd,
                         const char *name,
                         enum src_compression compression,
                         enum src_encoding encoding,
                         struct src_cancel *cancel,
                         struct src_stage **ret,
                         struct hg_error *err);

#endif
