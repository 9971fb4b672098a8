/*
 * Filling a struct hg_error from a plugin. Every function takes NULL for `err`, respects the
 * struct_size that the caller set, and returns the code, so that it can stand in a return
 * statement:
 *     return hg_fail(err, HG_EDATA, "%s: line %d has no end", file, line);
 */
#ifndef HEADGATE_ERROR_H
#define HEADGATE_ERROR_H

#include <stdarg.h>

#include "headgate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happened; clears the rest. A message that is too long is cut at a whole character. */
hg_status hg_fail(struct hg_error *err, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);
hg_status hg_fail_v(struct hg_error *err, hg_status code, const char *fmt, va_list args)
    HG_PRINTF(3, 0);
/* From an errno value: `... : No such file or directory`; the code fits the value. */
hg_status hg_fail_errno(struct hg_error *err, int errno_value, const char *fmt, ...)
    HG_PRINTF(3, 4);
/* "out of memory", HG_ENOMEM. */
hg_status hg_fail_nomem(struct hg_error *err);

/* The rest is called after one of the above, with the code that it returned. */

/* What to do about it, a sentence. */
hg_status hg_fail_hint(struct hg_error *err, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);
/* The JSON pointer of the configuration field at fault: "/columns/0/type". */
hg_status hg_fail_pointer(struct hg_error *err, hg_status code, const char *fmt, ...)
    HG_PRINTF(3, 4);
/* Puts context and ": " before the message. */
hg_status hg_fail_prefix(struct hg_error *err, hg_status code, const char *fmt, ...)
    HG_PRINTF(3, 4);
/* The same call may succeed after so many milliseconds; -1 when that is unknown. */
hg_status hg_fail_retryable(struct hg_error *err, hg_status code, int64_t retry_after_ms);

/* The errno value that stands for a code where only an errno can be told; 0 for HG_OK. */
int hg_errno_of(hg_status code);

#ifdef __cplusplus
}
#endif

#endif
