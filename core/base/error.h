/*
 * Errors of the core.
 *
 * The status codes and `struct hg_error` are those of the SDK (headgate/plugin.h), so that what a
 * plugin reports travels to the page unchanged. The struct lives in the caller's frame and owns
 * nothing; every function here takes NULL. A function that fails fills it once; layers above add
 * context with hg_error_wrap and do not log.
 */
#ifndef HG_BASE_ERROR_H
#define HG_BASE_ERROR_H

#include <stdarg.h>

#include "headgate/plugin.h"

/* Fills *err and returns `code`, so that it can stand in a return statement. Clears the rest. */
int hg_error_set(struct hg_error *err, int code, const char *fmt, ...) HG_PRINTF(3, 4);

/* The same with a va_list. */
int hg_error_vset(struct hg_error *err, int code, const char *fmt, va_list args) HG_PRINTF(3, 0);

/* Fills *err from an errno value: "cannot open \"x\": No such file or directory"; maps the code. */
int hg_error_errno(struct hg_error *err, int errno_value, const char *fmt, ...) HG_PRINTF(3, 4);

/* What to do about it; call after hg_error_set. Returns err->code, or HG_EINTERNAL for NULL. */
int hg_error_hint(struct hg_error *err, const char *fmt, ...) HG_PRINTF(2, 3);

/* The JSON pointer of the field at fault. Returns err->code, or HG_EINTERNAL for NULL. */
int hg_error_at(struct hg_error *err, const char *fmt, ...) HG_PRINTF(2, 3);

/* Puts context and ": " before the message. Returns err->code, or HG_EINTERNAL for NULL. */
int hg_error_wrap(struct hg_error *err, const char *fmt, ...) HG_PRINTF(2, 3);

/* Copies *from (which may come from a plugin with a shorter struct) into *to. */
void hg_error_copy(struct hg_error *to, const struct hg_error *from);

/* "out of memory"; returns HG_ENOMEM. */
int hg_error_nomem(struct hg_error *err);

/*
 * Name of a code, for programs: "not_found". It is part of what the API answers, so it stays.
 * Static; "unknown" for what is none.
 */
const char *hg_code_name(int code);

#endif
