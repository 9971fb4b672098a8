#include "worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/parse.h"
#include "worker/worker_main.h"

static int start_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int e = posix_spawnattr_setsigmask(attributes, &none);
    e = e ? e : posix_spawnattr_setsigdefault(attributes, &all);
    /* A session of its own: Ctrl-C on the host's terminal must not end running loads. */
    return e ? e
             : posix_spawnattr_setflags(
                   attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

/* Both descriptors are above those of the worker, so that neither overwrites the other. */
static int start_actions(posix_spawn_file_actions_t *actions, int socket, int blame_fd)
{
    int e = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    /* What plugins print must not get into what a command prints for programs. */
    e = e ? e : posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
    e = e ? e : posix_spawn_file_actions_adddup2(actions, socket, HG_WORKER_SOCKET_FD);
    e = e ? e : posix_spawn_file_actions_adddup2(actions, blame_fd, HG_WORKER_BLAME_FD);
    return e ? e : posix_spawn_file_actions_addclosefrom_np(actions, HG_WORKER_BLAME_FD + 1);
}

static int spawn(
    const char *self, int64_t memory_limit_bytes, int socket, int blame_fd, pid_t *ret_pid)
{
    char limit[32];
    (void)snprintf(limit, sizeof limit, "%" PRId64, memory_limit_bytes);
    const char *const argv[] = {"headgate", "worker", "--memory-limit", limit, NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_init(&actions);
    int e = start_attributes(&attributes);
    e = e ? e : start_actions(&actions, socket, blame_fd);
    HG_CLEANUP(hg_freep) char **environment = hg_env_for_child();
    e = e || environment ? e : ENOMEM;
    e = e ? e
          : posix_spawn(
                ret_pid, self, &actions, &attributes, (char *const *)(uintptr_t)argv, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return e;
}

/* Moves a descriptor above those that the worker finds. */
static int move_up(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, HG_WORKER_BLAME_FD + 1);
    if (moved < 0) {
        return errno;
    }
    (void)close(*fd);
    *fd = moved;
    return 0;
}

int hg_process_start(const char *self,
                     int64_t memory_limit_bytes,
                     struct hg_process *ret,
                     struct hg_error *err)
{
    struct hg_process process = HG_PROCESS_INIT;
    HG_CLEANUP(hg_closep) int blame_fd = -1;
    int r = hg_blame_new(&process.blame, &blame_fd, err);
    if (r < 0) {
        return r;
    }
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        hg_blame_free(process.blame);
        return hg_error_errno(err, errno, "cannot make a socket for a worker");
    }
    process.socket = pair[0];
    int e = move_up(&pair[1]);
    e = e ? e : move_up(&blame_fd);
    e = e ? e : spawn(self, memory_limit_bytes, pair[1], blame_fd, &process.pid);
    (void)close(pair[1]);
    if (e != 0) {
        (void)close(pair[0]);
        hg_blame_free(process.blame);
        return hg_error_errno(err, e, "cannot start a worker from \"%s\"", self);
    }
    (void)fcntl(process.socket, F_SETFL, O_NONBLOCK);
    process.pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);
    if (process.pidfd < 0) {
        int saved = errno;
        int status;
        struct hg_blame_note note;
        hg_process_kill(&process, SIGKILL);
        hg_process_reap(&process, &status, &note);
        return hg_error_errno(err, saved, "cannot watch worker %d", (int)process.pid);
    }
    *ret = process;
    return HG_OK;
}

int64_t hg_process_rss_bytes(const struct hg_process *process)
{
    char path[64];
    char text[128] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)process->pid);
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) {
        return 0;
    }
    /* Fields are pages: size, resident, ... */
    char *resident = strchr(text, ' ');
    char *end = resident ? strchr(resident + 1, ' ') : NULL;
    int64_t pages = 0;
    if (!end) {
        return 0;
    }
    *end = '\0';
    if (hg_parse_int64(resident + 1, 0, INT64_MAX / 65536, &pages, NULL) < 0) {
        return 0;
    }
    return pages * sysconf(_SC_PAGESIZE);
}

void hg_process_kill(const struct hg_process *process, int signal_number)
{
    if (process->pid > 0) {
        (void)kill(process->pid, signal_number);
    }
}

void hg_process_reap(struct hg_process *process, int *ret_status, struct hg_blame_note *ret_note)
{
    *ret_status = 0;
    while (waitpid(process->pid, ret_status, 0) < 0 && errno == EINTR) {
    }
    hg_blame_get(process->blame, ret_note);
    hg_blame_free(process->blame);
    hg_closep(&process->pidfd);
    hg_closep(&process->socket);
    *process = (struct hg_process)HG_PROCESS_INIT;
}
