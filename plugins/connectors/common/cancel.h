/*
 * How a read learns that it shall stop.
 */
#ifndef SRC_CANCEL_H
#define SRC_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "headgate/plugin.h"

struct src_cancel {
    atomic_bool wanted;
    int event_fd; /* becomes readable with it; -1: none */
    const struct hg_host *host;
};

/* `host` is borrowed. */
void src_cancel_open(struct src_cancel *cancel, const struct hg_host *host);
void src_cancel_close(struct src_cancel *cancel);
/* From any thread. */
void src_cancel_now(struct src_cancel *cancel);
/* Whether the host or somebody by src_cancel_now wants it. */
bool src_cancelled(struct src_cancel *cancel);

#endif
