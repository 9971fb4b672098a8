/*
 * Running a program to its end, without a shell.
 */
#ifndef HG_STORE_COMMAND_H
#define HG_STORE_COMMAND_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Runs argv[0] (a path) with these arguments, the environment of hg_env_for_child, stdin empty, and
 * appends what it writes to stdout and stderr, at most 64 KiB, to `output`. *ret_status is that of
 * waitpid. It is killed after `timeout_ms` (HG_ETIMEDOUT).
 */
int hg_store_command_run(const char *const *argv,
                         int64_t timeout_ms,
                         struct hg_buf *output,
                         int *ret_status,
                         struct hg_error *err);

#endif
