/*
 * Frames between host and worker: a length (uint32, the machine's own byte order: both ends are the
 * same binary on the same machine), then that many bytes of JSON.
 */
#ifndef HG_WORKER_FRAME_H
#define HG_WORKER_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

enum { HG_FRAME_MAX_BYTES = 16 * 1024 * 1024 };

/* Appends one frame to `out`. HG_ENOMEM, HG_ETOOBIG. */
int hg_frame_encode(struct hg_buf *out, const json_t *message, struct hg_error *err);

/* Writes one frame to a blocking descriptor. */
int hg_frame_send(int fd, const json_t *message, struct hg_error *err);

/*
 * Waits for one frame on a blocking descriptor. *ret is owned by the caller. HG_EUNAVAILABLE when
 * the other side has closed.
 */
int hg_frame_receive(int fd, json_t **ret, struct hg_error *err);

/*
 * Takes the first whole frame out of `in`, which holds what was read so far. *ret is NULL while the
 * frame is not complete, else owned by the caller. HG_EDATA when it is no frame of ours.
 */
int hg_frame_take(struct hg_buf *in, json_t **ret, struct hg_error *err);

#endif
