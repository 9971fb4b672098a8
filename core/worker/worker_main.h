/*
 * The worker's side: one task at a time, until the host says stop or is gone.
 */
#ifndef HG_WORKER_WORKER_MAIN_H
#define HG_WORKER_WORKER_MAIN_H

#include <stdint.h>

enum { HG_WORKER_SOCKET_FD = 3, HG_WORKER_BLAME_FD = 4 };
enum { HG_WORKER_ALIVE_MS = 1000 }; /* between two signs of life */

/*
 * `headgate worker`: serves the host on HG_WORKER_SOCKET_FD. `memory_limit_bytes` 0: none. Returns
 * the process's exit code.
 */
int hg_worker_main(int64_t memory_limit_bytes);

#endif
