#include "plugin/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/time.h"

/* How often a process's memory is looked at. */
#define LOOK_MS 100

void hg_child_result_free(struct hg_child_result *result)
{
    hg_buf_free(&result->output);
}

/* ------------------------------------------------------------------------------------------ */
/* Waiting                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* Reads what is there. False at the end, or when it was enough. */
static bool take_output(int fd,
                        const struct hg_child_limits *limits,
                        struct hg_child_result *result)
{
    char chunk[16384];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    if (n == 0) {
        return false;
    }
    if ((size_t)n > limits->max_bytes - result->output.len) {
        result->too_long = true;
        return false;
    }
    hg_buf_append(&result->output, chunk, (size_t)n);
    return !hg_buf_failed(&result->output);
}

/* Resident bytes of a process, 0 when it is gone. */
static int64_t memory_of(pid_t pid)
{
    char path[48], text[128];
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    const char *second = strchr(text, ' ');
    return second ? strtoll(second + 1, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

/* Until the process has ended, the time is over or the output is too long. */
static void watch(pid_t pid,
                  int output,
                  int pidfd,
                  const struct hg_child_limits *limits,
                  struct hg_child_result *result)
{
    int64_t deadline = hg_time_monotonic_ms() + limits->limit_ms;
    struct pollfd fds[2] = {{.fd = output, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    while (!(fds[1].revents & POLLIN) && !result->too_long) {
        int64_t left = deadline - hg_time_monotonic_ms();
        if (left <= 0) {
            result->timed_out = true;
            return;
        }
        int n = poll(fds, 2, (int)(left < LOOK_MS ? left : LOOK_MS));
        if (limits->max_memory_bytes > 0 && memory_of(pid) > limits->max_memory_bytes) {
            result->too_large = true;
            return;
        }
        if (n > 0 && fds[0].revents && !take_output(output, limits, result)) {
            fds[0].fd = -1;
        }
    }
    /* What it wrote last; nobody else is to keep us waiting for more. */
    (void)fcntl(output, F_SETFL, O_NONBLOCK);
    size_t before;
    do {
        before = result->output.len;
    } while (fds[0].fd >= 0 && take_output(output, limits, result) && result->output.len > before);
}

static void set_outcome(int status, struct hg_child_result *result)
{
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int attend(pid_t pid,
                  int output,
                  const struct hg_child_limits *limits,
                  struct hg_child_result *ret,
                  struct hg_error *err)
{
    struct hg_child_result result = {.output = HG_BUF_INIT};
    HG_CLEANUP(hg_closep) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int error = errno;
    if (pidfd >= 0) {
        watch(pid, output, pidfd, limits, &result);
    }
    /* The whole group, so that nothing it started lives on. */
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pidfd < 0) {
        return hg_error_errno(err, error, "cannot watch a process");
    }
    if (hg_buf_failed(&result.output)) {
        hg_child_result_free(&result);
        return hg_error_nomem(err);
    }
    set_outcome(status, &result);
    *ret = result;
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Starting                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static int spawn_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int e = posix_spawnattr_setsigmask(attr, &none);
    e = e ? e : posix_spawnattr_setsigdefault(attr, &all);
    e = e ? e : posix_spawnattr_setpgroup(attr, 0);
    return e ? e
             : posix_spawnattr_setflags(
                   attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

static int spawn(const char *const *argv, int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int e = posix_spawn_file_actions_init(&actions);
    if (e) {
        return e;
    }
    e = posix_spawnattr_init(&attr);
    if (!e) {
        e = spawn_attributes(&attr);
        e = e ? e : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        e = e ? e : posix_spawn_file_actions_adddup2(&actions, output, 1);
        e = e ? e : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        /* posix_spawn wants its words writable and does not write to them. */
        char **words = NULL;
        memcpy(&words, &argv, sizeof words);
        HG_CLEANUP(hg_freep) char **environment = hg_env_for_child();
        e = e || environment ? e : ENOMEM;
        e = e ? e : posix_spawn(ret_pid, argv[0], &actions, &attr, words, environment);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return e;
}

int hg_child_spawn(const char *const *argv,
                   const struct hg_child_limits *limits,
                   struct hg_child_result *ret,
                   struct hg_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        return hg_error_errno(err, errno, "cannot make a pipe");
    }
    HG_CLEANUP(hg_closep) int output = ends[0];
    HG_CLEANUP(hg_closep) int input = ends[1];
    pid_t pid;
    int e = spawn(argv, input, &pid);
    if (e) {
        return hg_error_errno(err, e, "cannot start \"%s\"", argv[0]);
    }
    hg_closep(&input);
    return attend(pid, output, limits, ret, err);
}

int hg_child_fork(int (*run)(void *arg, int output),
                  void *arg,
                  const struct hg_child_limits *limits,
                  struct hg_child_result *ret,
                  struct hg_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        return hg_error_errno(err, errno, "cannot make a pipe");
    }
    HG_CLEANUP(hg_closep) int output = ends[0];
    HG_CLEANUP(hg_closep) int input = ends[1];
    (void)fflush(NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return hg_error_errno(err, errno, "cannot start a process");
    }
    if (pid == 0) {
        (void)setpgid(0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        hg_child_crash_plainly();
        /* Not exit: the plugin's destructors are no part of any test. */
        _exit(getppid() == parent ? run(arg, input) : 1);
    }
    (void)setpgid(pid, pid);
    hg_closep(&input);
    return attend(pid, output, limits, ret, err);
}

void hg_child_crash_plainly(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    const struct rlimit no_core = {0, 0};
    for (size_t i = 0; i < HG_COUNT(signals); i++) {
        (void)signal(signals[i], SIG_DFL);
    }
    (void)setrlimit(RLIMIT_CORE, &no_core);
}

/* ------------------------------------------------------------------------------------------ */
/* Words                                                                                        */
/* ------------------------------------------------------------------------------------------ */

void hg_child_describe(const struct hg_child_result *result,
                       const struct hg_child_limits *limits,
                       char *text,
                       size_t size)
{
    text[0] = '\0';
    if (result->too_long) {
        (void)snprintf(text, size, "wrote more than %zu bytes", limits->max_bytes);
    } else if (result->too_large) {
        (void)snprintf(text,
                       size,
                       "used more than %lld MiB of memory",
                       (long long)(limits->max_memory_bytes >> 20));
    } else if (result->timed_out) {
        int digits = limits->limit_ms % 1000 ? 1 : 0;
        double limit_s = (double)limits->limit_ms / 1000;
        (void)snprintf(text, size, "did not answer within %.*f s", digits, limit_s);
    } else if (result->signal) {
        const char *name = sigabbrev_np(result->signal);
        (void)snprintf(text, size, "crashed with SIG%s", name ? name : "?");
    } else if (result->exit_status != 0) {
        (void)snprintf(text, size, "ended with exit status %d", result->exit_status);
    }
}
