/*
 * A short-lived process that may do anything: crash, hang, write without end. Run with a limit of
 * time and of output, killed with all it started, and what became of it put in words.
 */
#ifndef HG_PLUGIN_CHILD_H
#define HG_PLUGIN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct hg_child_result {
    struct hg_buf output; /* of stdout, or of what `run` was given; at most max_bytes */
    bool too_long;        /* it wrote more and was killed */
    bool timed_out;       /* it was killed at the limit */
    bool too_large;       /* it used more memory and was killed */
    int exit_status;      /* -1 when a signal ended it */
    int signal;           /* the signal, else 0 */
};

void hg_child_result_free(struct hg_child_result *result);

struct hg_child_limits {
    int64_t limit_ms;
    size_t max_bytes;         /* of output */
    int64_t max_memory_bytes; /* resident; looked at ten times a second, so a little over is
                                 possible; 0: any */
};

/*
 * Runs a program; argv[0] is its path. stdin and stderr are /dev/null. HG_OK whatever became of it;
 * a failure only when it could not be started.
 */
int hg_child_spawn(const char *const *argv,
                   const struct hg_child_limits *limits,
                   struct hg_child_result *ret,
                   struct hg_error *err);
/*
 * Runs a function in a fork of this process, which must have one thread. `output` is where it
 * writes; its return value is the exit status.
 */
int hg_child_fork(int (*run)(void *arg, int output),
                  void *arg,
                  const struct hg_child_limits *limits,
                  struct hg_child_result *ret,
                  struct hg_error *err);

/*
 * For a process that is to die of a crash as it comes: no handler (a sanitizer's, say) that would
 * turn it into an exit status, no core file.
 */
void hg_child_crash_plainly(void);

/*
 * "crashed with SIGSEGV", "did not answer within 10 s", "ended with exit status 3",
 * "wrote more than 4194304 bytes", "used more than 1024 MiB of memory"; "" when it ended with 0.
 */
void hg_child_describe(const struct hg_child_result *result,
                       const struct hg_child_limits *limits,
                       char *text,
                       size_t size);

#endif
