/*
 * The log: one line a call, to stderr, as text or JSON. [any] thread.
 *
 * Only the edges log (main, the HTTP edge, a worker's loop, a background thread's loop), one line
 * for one failure. Fields are given as name and value pairs, ended by NULL; a name that begins with
 * "#" is that of a number:
 *     hg_log(HG_LOG_INFO, "run ended", "run_id", id, "#duration_ms", "25", NULL);
 * Values may be anything that a stranger sent: they are escaped, and cut at HG_LOG_VALUE_MAX bytes.
 * "at", "level" and "message" are the line's own: a field of such a name becomes "field_message".
 * docs/logs.md lists the names; one name means one thing everywhere.
 */
#ifndef HG_BASE_LOG_H
#define HG_BASE_LOG_H

#include <stdbool.h>

#include "headgate/plugin.h"

enum { HG_LOG_VALUE_MAX = 1024 };

/* Lines below `level` (enum hg_log_level) are dropped. Set at start-up; HG_LOG_INFO before. */
void hg_log_configure(int level, bool json);
/* "debug", "info", "warning" or "error" to a level; HG_EINVAL for anything else. */
int hg_log_level_parse(const char *text, int *ret_level, struct hg_error *err);
const char *hg_log_level_name(int level);
/* `...`: const char *name, const char *value, ..., NULL. A NULL value leaves the field out. */
void hg_log(int level, const char *message, ...) __attribute__((sentinel));
/* A failure with its code, message and hint. */
void hg_log_error(const char *what, const struct hg_error *err);

/*
 * A field of every line that this thread logs until the scope ends, but for those that give it
 * themselves:
 *     HG_CLEANUP(hg_log_leave) struct hg_log_scope scope;
 *     hg_log_enter(&scope, "request_id", request->id);
 * Texts are borrowed until then; a NULL value leaves the field out. Scopes end in reverse order.
 */
struct hg_log_scope {
    const char *name;
    const char *value;
    struct hg_log_scope *outer;
};
void hg_log_enter(struct hg_log_scope *scope, const char *name, const char *value);
void hg_log_leave(struct hg_log_scope *scope);

#endif
