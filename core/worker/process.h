/*
 * One worker process: starting it, what it uses, how it ended.
 */
#ifndef HG_WORKER_PROCESS_H
#define HG_WORKER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "worker/blame.h"

struct hg_process {
    pid_t pid;  /* 0: none */
    int pidfd;  /* readable when the process has ended; -1: none */
    int socket; /* non-blocking; -1: none */
    struct hg_blame *blame;
};

#define HG_PROCESS_INIT \
    {                   \
        0, -1, -1, NULL \
    }

/*
 * Starts `self worker` with its socket on descriptor 3 and the blame page on 4, in a session of its
 * own, with an empty signal mask and nothing else open. Call it from a thread that lives as long as
 * the workers shall: the kernel ends them when that thread ends.
 */
int hg_process_start(const char *self,
                     int64_t memory_limit_bytes,
                     struct hg_process *ret,
                     struct hg_error *err);
/* Resident bytes, 0 when unknown. */
int64_t hg_process_rss_bytes(const struct hg_process *process);
void hg_process_kill(const struct hg_process *process, int signal_number);
/*
 * Collects an ended process and closes everything. *ret_status is as waitpid gives it. `ret_note`
 * says which plugin was running for which job.
 */
void hg_process_reap(struct hg_process *process, int *ret_status, struct hg_blame_note *ret_note);

#endif
