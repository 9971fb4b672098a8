/*
 * A stage that bytes come from, which reads from another stage or a file.
 */
#ifndef SRC_STAGE_H
#define SRC_STAGE_H

#include "headgate/plugin.h"

struct src_stage {
    /* 0 bytes at the end, and again after it. */
    hg_status (*read)(
        struct src_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err);
    void (*free)(struct src_stage *stage);
};

/* Takes NULL. */
static inline void src_stage_free(struct src_stage *stage)
{
    if (stage) {
        stage->free(stage);
    }
}

#endif
