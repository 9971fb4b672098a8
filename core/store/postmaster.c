#include "store/postmaster.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/env.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "store/command.h"
#include "store/failure.h"

enum {
    LOOK_EVERY_MS = 5,
    READY_WITHIN_MS =
        10 * 60 * 1000, /* recovery after a crash reads the log since the checkpoint */
    STALE_WITHIN_MS = 10000,
    KILL_WITHIN_MS = 10000,
};

/* Lines of postmaster.pid, from 0 (PostgreSQL's LOCK_FILE_LINE_*). */
enum {
    LINE_PID,
    LINE_DATA,
    LINE_START,
    LINE_PORT,
    LINE_SOCKET,
    LINE_LISTEN,
    LINE_SHM,
    LINE_STATUS
};

/* ---- postmaster.pid ---- */

static void pid_file(const char *data, char ret[PATH_MAX])
{
    (void)snprintf(ret, PATH_MAX, "%s/postmaster.pid", data);
}

/* Copies line `number` without trailing blanks; "" when the file has fewer. */
static void line_of(const char *text, int number, char *ret, size_t n)
{
    while (number > 0 && *text) {
        text += strcspn(text, "\n");
        text += *text == '\n';
        number--;
    }
    size_t length = strcspn(text, "\n");
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\r')) {
        length--;
    }
    (void)snprintf(ret, n, "%.*s", (int)length, text);
}

static enum hg_postmaster_state state_of(const char *word)
{
    static const struct {
        const char *word;
        enum hg_postmaster_state state;
    } words[] = {
        {"ready", HG_POSTMASTER_READY},
        {"standby", HG_POSTMASTER_READY},
        {"stopping", HG_POSTMASTER_STOPPING},
    };
    for (size_t i = 0; i < HG_COUNT(words); i++) {
        if (strcmp(word, words[i].word) == 0) {
            return words[i].state;
        }
    }
    return HG_POSTMASTER_STARTING; /* the line is written last */
}

/* A zombie does nothing any more. */
static bool is_alive(pid_t pid)
{
    if (kill(pid, 0) < 0 && errno == ESRCH) {
        return false;
    }
    char path[64];
    char text[256];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    const char *behind_name = strrchr(text, ')');
    return !behind_name || (behind_name[1] && behind_name[2] != 'Z' && behind_name[2] != 'X');
}

/*
 * A server works in its data folder, so that a pid which went to another process is told apart: 1
 * when `pid` works in `data`, 0 when not, HG_EFORBIDDEN when we may not know.
 */
static int works_in(pid_t pid, const char *data)
{
    char link[64];
    char folder[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(link, folder, sizeof folder - 1);
    if (n < 0) {
        return errno == EACCES || errno == EPERM ? HG_EFORBIDDEN : 0;
    }
    folder[n] = '\0';
    return strcmp(folder, data) == 0;
}

static bool owned_by_us(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_uid == geteuid();
}

static int judge(const char *data,
                 const char *file,
                 struct hg_postmaster *found,
                 struct hg_error *err)
{
    if (!is_alive(found->pid)) {
        found->state = HG_POSTMASTER_ABSENT;
        return HG_OK;
    }
    int works = works_in(found->pid, data);
    if (works == HG_EFORBIDDEN && !owned_by_us(file)) {
        hg_error_set(err,
                     HG_ECONFLICT,
                     "the cluster in \"%.200s\" is run by another user (process %d)",
                     data,
                     (int)found->pid);
        (void)hg_error_hint(err, "Stop that server, or start Headgate as the same user.");
        return HG_ECONFLICT;
    }
    if (works != 1) {
        found->state = HG_POSTMASTER_ABSENT;
        found->pid_recycled = true;
    }
    return HG_OK;
}

int hg_postmaster_look(const char *data, struct hg_postmaster *ret, struct hg_error *err)
{
    char path[PATH_MAX];
    char line[PATH_MAX];
    size_t n = 0;
    HG_CLEANUP(hg_freep) char *text = NULL;
    struct hg_postmaster found = {.state = HG_POSTMASTER_ABSENT, .shared_memory = -1};
    pid_file(data, path);
    int r = hg_read_file(path, 65536, &text, &n, err);
    if (r == HG_ENOTFOUND) {
        *ret = found;
        return HG_OK;
    }
    if (r < 0) {
        return r;
    }
    int64_t number = 0;
    line_of(text, LINE_PID, line, sizeof line);
    if (hg_parse_int64(line, 1, INT_MAX, &number, NULL) == HG_OK) {
        found.pid = (pid_t)number;
    }
    line_of(text, LINE_SHM, line, sizeof line);
    const char *id = strrchr(line, ' '); /* key and id, padded */
    if (id && hg_parse_int64(id + 1, 0, INT_MAX, &number, NULL) == HG_OK) {
        found.shared_memory = (int)number;
    }
    line_of(text, LINE_SOCKET, found.socket_folder, sizeof found.socket_folder);
    line_of(text, LINE_STATUS, line, sizeof line);
    if (found.pid > 0) {
        found.state = state_of(line);
        r = judge(data, path, &found, err);
    }
    if (r == HG_OK) {
        *ret = found;
    }
    return r;
}

/* ---- after a crash ---- */

static bool memory_in_use(int id)
{
    struct shmid_ds info;
    return id >= 0 && shmctl(id, IPC_STAT, &info) == 0 && info.shm_nattch > 0;
}

/* Only what is ours: the folder in a file may be anything. */
static int remove_stale(const char *path, struct hg_error *err)
{
    struct stat st;
    if (lstat(path, &st) == 0 && st.st_uid == geteuid() && unlink(path) < 0 && errno != ENOENT) {
        return hg_error_errno(err, errno, "cannot remove \"%s\"", path);
    }
    return HG_OK;
}

int hg_postmaster_clear_stale(const char *data,
                              const struct hg_postmaster *stale,
                              struct hg_error *err)
{
    int64_t deadline_ms = hg_time_monotonic_ms() + STALE_WITHIN_MS;
    /* Children of a killed server end by themselves as soon as they notice. */
    while (memory_in_use(stale->shared_memory)) {
        if (hg_time_monotonic_ms() > deadline_ms) {
            hg_error_set(
                err,
                HG_ECONFLICT,
                "processes of the server that crashed (process %d) still run in \"%.200s\"",
                (int)stale->pid,
                data);
            (void)hg_error_hint(err, "End them, then start again.");
            return HG_ECONFLICT;
        }
        hg_time_pause_ms(LOOK_EVERY_MS);
    }
    if (!stale->pid_recycled && stale->pid > 0) {
        (void)waitpid(stale->pid, NULL, WNOHANG); /* when it was our child */
    }
    /* PostgreSQL takes whatever has the pid in these files for a server: another process, or a dead
     * one that nobody has waited for. */
    char path[PATH_MAX];
    pid_file(data, path);
    int r = remove_stale(path, err);
    if (r == HG_OK && stale->socket_folder[0]) {
        (void)snprintf(path, sizeof path, "%s/.s.PGSQL.5432.lock", stale->socket_folder);
        r = remove_stale(path, err);
    }
    return r;
}

/* ---- start ---- */

static int spawn(const char *const *argv, int log, pid_t *ret_pid, struct hg_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    HG_CLEANUP(hg_freep) char **environment = hg_env_for_child();
    if (!environment || posix_spawn_file_actions_init(&actions) != 0) {
        return hg_error_nomem(err);
    }
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, log, 1);
    (void)posix_spawn_file_actions_adddup2(&actions, log, 2);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    (void)posix_spawnattr_init(&attributes);
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int e = posix_spawn(
        ret_pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return e ? hg_error_errno(err, e, "cannot run \"%s\"", argv[0]) : HG_OK;
}

int hg_postmaster_wait_ready(const char *data, pid_t pid, struct hg_error *err)
{
    int64_t deadline_ms = hg_time_monotonic_ms() + READY_WITHIN_MS;
    for (;;) {
        struct hg_postmaster now = {.pid = 0};
        int r = hg_postmaster_look(data, &now, err);
        if (r < 0) {
            return r;
        }
        if (now.pid == pid && now.state == HG_POSTMASTER_READY) {
            return HG_OK;
        }
        if (hg_postmaster_wait_end(pid, LOOK_EVERY_MS)) {
            return hg_error_set(err, HG_EUNAVAILABLE, "PostgreSQL ended while it started");
        }
        if (hg_time_monotonic_ms() > deadline_ms) {
            return hg_error_set(err,
                                HG_ETIMEDOUT,
                                "PostgreSQL (process %d) is not ready after %d minutes",
                                (int)pid,
                                READY_WITHIN_MS / 60000);
        }
    }
}

int hg_postmaster_start(const struct hg_pg_programs *programs,
                        const char *data,
                        const char *socket_folder,
                        const char *log,
                        pid_t *ret_pid,
                        struct hg_error *err)
{
    char program[PATH_MAX];
    char what[320];
    pid_t pid = 0;
    (void)snprintf(program, sizeof program, "%s/postgres", programs->folder);
    (void)snprintf(what, sizeof what, "cannot start PostgreSQL in \"%.200s\"", data);
    HG_CLEANUP(hg_closep) int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot open \"%s\"", log);
    }
    off_t offset = lseek(fd, 0, SEEK_END);
    const char *const argv[] = {program, "-D", data, "-k", socket_folder, NULL};
    int r = spawn(argv, fd, &pid, err);
    if (r < 0) {
        (void)hg_error_wrap(err, "%s", what);
        return r;
    }
    struct hg_error reason = HG_ERROR_INIT;
    r = hg_postmaster_wait_ready(data, pid, &reason);
    if (r == HG_EUNAVAILABLE) {
        return hg_pg_failure_in_log(what, log, (long)offset, err);
    }
    if (r < 0) {
        hg_error_copy(err, &reason);
        return r;
    }
    *ret_pid = pid;
    return HG_OK;
}

/* ---- end ---- */

/* True when the process has ended, false after `timeout_ms`; for when no pidfd is to be had. */
static bool watch(pid_t pid, int64_t timeout_ms)
{
    int64_t deadline_ms = hg_time_monotonic_ms() + timeout_ms;
    while (is_alive(pid)) {
        if (hg_time_monotonic_ms() >= deadline_ms) {
            return false;
        }
        hg_time_pause_ms(LOOK_EVERY_MS);
    }
    return true;
}

static bool wait_pidfd(int fd, int64_t timeout_ms)
{
    int64_t deadline_ms = hg_time_monotonic_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline_ms - hg_time_monotonic_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = poll(&p, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
        if (n >= 0 || errno != EINTR) {
            return n > 0;
        }
    }
}

bool hg_postmaster_wait_end(pid_t pid, int64_t timeout_ms)
{
    HG_CLEANUP(hg_closep) int fd = pidfd_open(pid, 0);
    if (fd < 0 && errno == ESRCH) {
        return true;
    }
    bool ended = fd < 0 ? watch(pid, timeout_ms) : wait_pidfd(fd, timeout_ms);
    if (ended) {
        (void)waitpid(pid, NULL, WNOHANG); /* when it is our child */
    }
    return ended;
}

int hg_postmaster_stop(pid_t pid, int fast_ms, struct hg_error *err)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGKILL};
    for (size_t i = 0; i < HG_COUNT(signals); i++) {
        if (kill(pid, signals[i]) < 0) {
            if (errno == ESRCH) {
                return HG_OK;
            }
            return hg_error_errno(err, errno, "cannot stop PostgreSQL (process %d)", (int)pid);
        }
        if (hg_postmaster_wait_end(pid, i == 0 ? fast_ms : KILL_WITHIN_MS)) {
            return HG_OK;
        }
    }
    return hg_error_set(err, HG_ETIMEDOUT, "PostgreSQL (process %d) does not end", (int)pid);
}
