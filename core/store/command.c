#include "store/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

enum { MAX_OUTPUT_BYTES = 64 * 1024 };

static int spawn(const char *const *argv, int out, pid_t *ret_pid, struct hg_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    HG_CLEANUP(hg_freep) char **environment = hg_env_for_child();
    if (!environment || posix_spawn_file_actions_init(&actions) != 0) {
        return hg_error_nomem(err);
    }
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out, 1);
    (void)posix_spawn_file_actions_adddup2(&actions, out, 2);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    (void)posix_spawnattr_init(&attributes);
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int e = posix_spawn(
        ret_pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return e ? hg_error_errno(err, e, "cannot run \"%s\"", argv[0]) : HG_OK;
}

/* Reads until the other side closes; false at the deadline. */
static bool collect(int fd, int64_t deadline_ms, struct hg_buf *output)
{
    char bytes[4096];
    for (;;) {
        int64_t left = deadline_ms - hg_time_monotonic_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = left <= 0 ? 0 : poll(&p, 1, (int)left);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return false;
        }
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return true;
        }
        if (output->len + (size_t)n <= MAX_OUTPUT_BYTES) {
            hg_buf_append(output, bytes, (size_t)n);
        }
    }
}

static int wait_for(pid_t pid, int *ret_status, struct hg_error *err)
{
    while (waitpid(pid, ret_status, 0) < 0) {
        if (errno != EINTR) {
            return hg_error_errno(err, errno, "cannot wait for process %d", (int)pid);
        }
    }
    return HG_OK;
}

int hg_store_command_run(const char *const *argv,
                         int64_t timeout_ms,
                         struct hg_buf *output,
                         int *ret_status,
                         struct hg_error *err)
{
    int ends[2];
    pid_t pid = 0;
    int status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return hg_error_errno(err, errno, "cannot make a pipe");
    }
    HG_CLEANUP(hg_closep) int in = ends[0];
    HG_CLEANUP(hg_closep) int out = ends[1];
    int r = spawn(argv, out, &pid, err);
    if (r < 0) {
        return r;
    }
    hg_closep(&out);
    bool in_time = collect(in, hg_time_monotonic_ms() + timeout_ms, output);
    if (!in_time) {
        (void)kill(pid, SIGKILL);
    }
    r = wait_for(pid, &status, err);
    if (r == HG_OK && !in_time) {
        return hg_error_set(
            err, HG_ETIMEDOUT, "\"%s\" did not end within %lld ms", argv[0], (long long)timeout_ms);
    }
    if (r == HG_OK) {
        *ret_status = status;
    }
    return r;
}
