/*
 * Stages that decompress. Each owns the one it reads from, also when it cannot be made; `name` is
 * borrowed until it is freed.
 */
#ifndef SRC_UNPACK_H
#define SRC_UNPACK_H

#include "stage.h"

hg_status src_gzip_stage(struct src_stage *from,
                         const char *name,
                         struct src_stage **ret,
                         struct hg_error *err);
hg_status src_zstd_stage(struct src_stage *from,
                         const char *name,
                         struct src_stage **ret,
                         struct hg_error *err);

#endif
