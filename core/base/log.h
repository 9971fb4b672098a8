/*
 * The log: one line a call, to stderr, as text or JSON. [any] thread.
 *
 * Only the edges log (main, the HTTP edge, a worker's loop, a background thread's loop), one line
 * for one failure. Fields are given as name and value pairs, ended by NULL:
 *     hg_log(HG_LOG_INFO, "run finished", "run_id", id, "status", "succeeded", NULL);
 */
#ifndef HG_BASE_LOG_H
#define HG_BASE_LOG_H

#include <stdbool.h>

#include "headgate/plugin.h"

/* Lines below `level` (enum hg_log_level) are dropped. Set at start-up; HG_LOG_INFO before. */
void hg_log_configure(int level, bool json);
/* "debug", "info", "warning" or "error" to a level; HG_EINVAL for anything else. */
int hg_log_level_parse(const char *text, int *ret_level, struct hg_error *err);
const char *hg_log_level_name(int level);
/* `...`: const char *name, const char *value, ..., NULL. A NULL value leaves the field out. */
void hg_log(int level, const char *message, ...) __attribute__((sentinel));
/* A failure with its code, message and hint. */
void hg_log_error(const char *what, const struct hg_error *err);

#endif
