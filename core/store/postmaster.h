/*
 * The server process of a data folder: what postmaster.pid says about it, starting it, ending it.
 */
#ifndef HG_STORE_POSTMASTER_H
#define HG_STORE_POSTMASTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "store/programs.h"

enum { HG_SOCKET_FOLDER_BYTES = 92 }; /* 107 less "/.s.PGSQL.5432" and the NUL */

enum hg_postmaster_state {
    HG_POSTMASTER_ABSENT = 1, /* none, or the file is left over from one that died */
    HG_POSTMASTER_STARTING,
    HG_POSTMASTER_READY,
    HG_POSTMASTER_STOPPING,
};

struct hg_postmaster {
    enum hg_postmaster_state state;
    pid_t pid;         /* as in the file, also when absent; 0 without a file */
    bool pid_recycled; /* absent, but another process has that pid now */
    int shared_memory; /* System V id, -1 when the file names none */
    char socket_folder[HG_SOCKET_FOLDER_BYTES];
};

/*
 * Reads <data>/postmaster.pid and checks it against the live process: a pid counts only when that
 * process works in `data` (absolute, without symbolic links). No file is "absent", not an error.
 * HG_ECONFLICT when the process belongs to another user.
 */
int hg_postmaster_look(const char *data, struct hg_postmaster *ret, struct hg_error *err);

/*
 * After a crash: waits until no process of the dead server holds its shared memory any more, and
 * removes its pid files, which might keep a new one from starting. HG_ECONFLICT after 10 s.
 */
int hg_postmaster_clear_stale(const char *data,
                              const struct hg_postmaster *stale,
                              struct hg_error *err);

/*
 * Starts the server in a session of its own with its output appended to `log`, and waits until it
 * takes connections; as long as recovery goes on this may take minutes. When it ends instead,
 * the error says why, as far as its log does.
 */
int hg_postmaster_start(const struct hg_pg_programs *programs,
                        const char *data,
                        const char *socket_folder,
                        const char *log,
                        pid_t *ret_pid,
                        struct hg_error *err);
/* Waits until a server that is starting takes connections. HG_ETIMEDOUT, HG_EUNAVAILABLE. */
int hg_postmaster_wait_ready(const char *data, pid_t pid, struct hg_error *err);

/* Stops it: fast, which ends sessions; after `fast_ms` immediately, as a crash would. */
int hg_postmaster_stop(pid_t pid, int fast_ms, struct hg_error *err);
/* Waits for the process to end and reaps it when it is our child; false after `timeout_ms`. */
bool hg_postmaster_wait_end(pid_t pid, int64_t timeout_ms);

#endif
