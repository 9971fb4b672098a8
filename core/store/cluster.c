#include "store/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "store/cluster_files.h"
#include "store/conninfo.h"
#include "store/db.h"
#include "store/postmaster.h"
#include "store/programs.h"
#include "store/roles.h"
#include "store/socket_folder.h"

enum {
    FAST_STOP_MS = 30000,
    OTHER_STOP_MS = 60000, /* somebody else is stopping it */
    DYING_MS = 5000,
    FIRST_DELAY_MS = 100,
    LONGEST_DELAY_MS = 30000,
    STEADY_MS = 60000, /* up for that long: the next death is a first one again */
    LOOK_EVERY_MS = 60000,
    URL_BYTES = 320,
    MB = 1024 * 1024,
    MAX_LOG_MB = 32,
};

struct hg_cluster {
    char root[PATH_MAX]; /* the data dir, without symbolic links */
    char data[PATH_MAX]; /* the cluster's own folder in it */
    char log[PATH_MAX];
    char socket_folder[HG_SOCKET_FOLDER_BYTES];
    char metadata_url[URL_BYTES];
    char warehouse_url[URL_BYTES];
    char worker_url[URL_BYTES];
    char admin_url[URL_BYTES];
    struct hg_pg_programs programs;
    bool adopted;
    int users_fd; /* holds a shared lock while the cluster is in use */

    pthread_mutex_t mutex; /* guards pid */
    pid_t pid;

    bool supervised;
    pthread_t supervisor;
    int stop_fd; /* readable once the supervisor shall end */
};

/* ---- places ---- */

static int set_paths(struct hg_cluster *cluster, const char *data_dir, struct hg_error *err)
{
    if (!realpath(data_dir, cluster->root)) {
        return hg_error_errno(err, errno, "cannot use the data dir \"%s\"", data_dir);
    }
    if (snprintf(cluster->data, PATH_MAX, "%s/postgres", cluster->root) >= PATH_MAX - 64 ||
        snprintf(cluster->log, PATH_MAX, "%s/postgres.log", cluster->root) >= PATH_MAX) {
        return hg_error_set(err, HG_EINVAL, "the path of the data dir is too long");
    }
    return HG_OK;
}

static void set_urls(struct hg_cluster *cluster)
{
    const struct {
        char *url;
        const char *role;
        const char *database;
        const char *rest;
    } urls[] = {
        {cluster->metadata_url, HG_ROLE_HOST, "metadata", " options='" HG_METADATA_OPTIONS "'"},
        {cluster->warehouse_url, HG_ROLE_HOST, "warehouse", " options='" HG_WAREHOUSE_OPTIONS "'"},
        {cluster->worker_url, HG_ROLE_LOAD, "warehouse", " options='" HG_WAREHOUSE_OPTIONS "'"},
        {cluster->admin_url, HG_ROLE_ADMIN, "postgres", ""},
    };
    for (size_t i = 0; i < HG_COUNT(urls); i++) {
        (void)snprintf(urls[i].url,
                       URL_BYTES,
                       "host='%s' port='5432' user='%s' dbname='%s'%s",
                       cluster->socket_folder,
                       urls[i].role,
                       urls[i].database,
                       urls[i].rest);
    }
}

/*
 * Two lock files: `.lock` for one host at a time that makes or starts the cluster, `.users` shared
 * by all that use it, so that one that stops (`headgate migrate`, say) leaves it to the others.
 * Closed, a lock is given up.
 */
static int lock(const struct hg_cluster *cluster,
                const char *suffix,
                int operation,
                int *ret_fd,
                struct hg_error *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%.*s%s", PATH_MAX - 16, cluster->data, suffix);
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int r = fd;
    while (fd >= 0 && (r = flock(fd, operation)) < 0 && errno == EINTR) {
    }
    if (r < 0) {
        int code = hg_error_errno(err, errno, "cannot write in the data dir \"%s\"", cluster->root);
        if (code == HG_EFORBIDDEN) {
            (void)hg_error_hint(err, "Give it to the user that Headgate runs as (chown).");
        }
        return code;
    }
    *ret_fd = fd;
    fd = -1;
    return HG_OK;
}

/* ---- the cluster's files ---- */

static int find_programs(struct hg_cluster *cluster,
                         const char *root,
                         int major,
                         struct hg_error *err)
{
    int r = hg_pg_programs_find(root, major, &cluster->programs, err);
    if (r != HG_ENOTFOUND || major == 0) {
        return r;
    }
    hg_error_set(err,
                 HG_ECONFLICT,
                 "the cluster in \"%.200s\" was made by PostgreSQL %d, whose programs are not here",
                 cluster->data,
                 major);
    (void)hg_error_hint(err,
                        "Install them: apt-get install postgresql-%d. docs/configuration.md has "
                        "the steps to move to another major version.",
                        major);
    return HG_ECONFLICT;
}

static int prepare_files(struct hg_cluster *cluster, const char *root, struct hg_error *err)
{
    int major = 0;
    int r = hg_cluster_files_major(cluster->data, &major, err);
    r = r < 0 ? r : find_programs(cluster, root, major, err);
    if (r < 0) {
        return r;
    }
    return major == 0 ? hg_cluster_files_make(&cluster->programs, cluster->data, err)
                      : hg_cluster_files_configure(cluster->data, err);
}

/* ---- running ---- */

static void set_pid(struct hg_cluster *cluster, pid_t pid)
{
    HG_LOCK(&cluster->mutex);
    cluster->pid = pid;
}

pid_t hg_cluster_pid(struct hg_cluster *cluster)
{
    HG_LOCK(&cluster->mutex);
    return cluster->pid;
}

/* HG_ENOTFOUND when it ended meanwhile. */
static int adopt(struct hg_cluster *cluster,
                 const struct hg_postmaster *found,
                 struct hg_error *err)
{
    int r = hg_postmaster_wait_ready(cluster->data, found->pid, err);
    if (r == HG_EUNAVAILABLE) {
        return HG_ENOTFOUND;
    }
    r = r < 0 ? r : hg_socket_folder_check(found->socket_folder, err);
    if (r < 0) {
        return r;
    }
    (void)kill(found->pid, SIGHUP); /* what its files say may have changed */
    memcpy(cluster->socket_folder, found->socket_folder, sizeof cluster->socket_folder);
    set_pid(cluster, found->pid);
    return HG_OK;
}

static void keep_old_log(const struct hg_cluster *cluster)
{
    char old[PATH_MAX];
    struct stat st;
    if (stat(cluster->log, &st) == 0 && st.st_size > (off_t)MAX_LOG_MB * MB) {
        (void)snprintf(old, sizeof old, "%.*s.1", PATH_MAX - 4, cluster->log);
        (void)rename(cluster->log, old);
    }
}

static int launch(struct hg_cluster *cluster,
                  const struct hg_postmaster *stale,
                  struct hg_error *err)
{
    pid_t pid = 0;
    int r = hg_postmaster_clear_stale(cluster->data, stale, err);
    if (r == HG_OK && hg_socket_folder_check(cluster->socket_folder, NULL) < 0) {
        r = hg_socket_folder_make(cluster->data, NULL, cluster->socket_folder, err);
    }
    if (r < 0) {
        return r;
    }
    keep_old_log(cluster);
    r = hg_postmaster_start(
        &cluster->programs, cluster->data, cluster->socket_folder, cluster->log, &pid, err);
    if (r == HG_OK) {
        set_pid(cluster, pid);
    }
    return r;
}

/* Takes up the server that runs, or starts one. */
static int bring_up(struct hg_cluster *cluster, bool *ret_adopted, struct hg_error *err)
{
    struct hg_postmaster found;
    int r = hg_postmaster_look(cluster->data, &found, err);
    if (r == HG_OK && found.state == HG_POSTMASTER_STOPPING) {
        (void)hg_postmaster_wait_end(found.pid, OTHER_STOP_MS);
        r = hg_postmaster_look(cluster->data, &found, err);
    }
    if (r < 0) {
        return r;
    }
    if (found.state != HG_POSTMASTER_ABSENT) {
        r = adopt(cluster, &found, err);
        if (r != HG_ENOTFOUND) {
            *ret_adopted = true;
            return r;
        }
        r = hg_postmaster_look(cluster->data, &found, err);
    }
    *ret_adopted = false;
    return r < 0 ? r : launch(cluster, &found, err);
}

/* ---- roles and databases ---- */

static const struct hg_statement look = {
    "cluster_look",
    "select exists (select from pg_roles where rolname = '" HG_ROLE_HOST "') as has_host,"
    " exists (select from pg_database where datname = 'metadata') as has_metadata,"
    " exists (select from pg_database where datname = 'warehouse') as has_warehouse,"
    " exists (select from pg_db_role_setting s join pg_roles r on r.oid = s.setrole,"
    " unnest(s.setconfig) c where r.rolname = '" HG_ROLE_HOST "' and s.setdatabase = 0"
    " and c like 'temp_file_limit=%') as has_limit",
    0};

/* Each is left out when what it makes is there: the first start may have been interrupted. */
static const struct {
    const char *column;
    const char *sql;
} makes[] = {
    {"has_host", "create role " HG_ROLE_HOST " login"},
    {"has_metadata", "create database metadata owner " HG_ROLE_HOST},
    {"has_warehouse", "create database warehouse owner " HG_ROLE_HOST},
    /* What somebody looks at, sorted by what has no index, must not fill the disk. */
    {"has_limit", "alter role " HG_ROLE_HOST " set temp_file_limit = '8GB'"},
};

static int make_contents(struct hg_cluster *cluster, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *found = NULL;
    int r = hg_db_connect(cluster->admin_url, "headgate set-up", &db, err);
    r = r < 0 ? r : hg_db_exec(db, &look, NULL, &found, err);
    for (size_t i = 0; r == HG_OK && i < HG_COUNT(makes); i++) {
        if (!hg_result_bool(found, 0, makes[i].column)) {
            r = hg_db_simple(db, makes[i].sql, NULL, err);
        }
    }
    r = r < 0 ? r : hg_roles_ensure(db, HG_ROLE_HOST, err);
    if (r < 0) {
        (void)hg_error_wrap(err, "while setting up the private cluster");
    }
    return r;
}

/* ---- supervision ---- */

/* Sleeps until the server has ended (true) or the supervisor shall end (false). */
static bool wait_for_death(struct hg_cluster *cluster, pid_t pid)
{
    HG_CLEANUP(hg_closep) int fd = pidfd_open(pid, 0);
    for (;;) {
        struct pollfd fds[] = {{.fd = cluster->stop_fd, .events = POLLIN},
                               {.fd = fd, .events = POLLIN}};
        (void)poll(fds, 2, fd >= 0 ? LOOK_EVERY_MS : FIRST_DELAY_MS);
        if (fds[0].revents) {
            return false;
        }
        if (hg_postmaster_wait_end(pid, 0)) {
            return true;
        }
        struct stat st;
        if (stat(cluster->log, &st) == 0 && st.st_size > (off_t)MAX_LOG_MB * 2 * MB) {
            /* The server appends, so it just goes on; a failure leaves a long log. */
            int cut = truncate(cluster->log, 0);
            (void)cut;
        }
    }
}

/* False when the supervisor shall end. */
static bool pause_for(const struct hg_cluster *cluster, int delay_ms)
{
    struct pollfd fd = {.fd = cluster->stop_fd, .events = POLLIN};
    return poll(&fd, 1, delay_ms) == 0;
}

/* Starts it again, however often that takes; false when the supervisor shall end. */
static bool revive(struct hg_cluster *cluster, int *delay_ms)
{
    for (;;) {
        struct hg_error err = HG_ERROR_INIT;
        bool adopted = false;
        if (!pause_for(cluster, *delay_ms)) {
            return false;
        }
        if (bring_up(cluster, &adopted, &err) == HG_OK) {
            hg_log(HG_LOG_INFO, "PostgreSQL runs again", NULL);
            return true;
        }
        hg_log_error("PostgreSQL cannot be started again", &err);
        *delay_ms = *delay_ms * 2 > LONGEST_DELAY_MS ? LONGEST_DELAY_MS : *delay_ms * 2;
    }
}

static void *supervise(void *arg)
{
    struct hg_cluster *cluster = arg;
    int delay_ms = FIRST_DELAY_MS;
    for (;;) {
        int64_t since_ms = hg_time_monotonic_ms();
        if (!wait_for_death(cluster, hg_cluster_pid(cluster))) {
            return NULL;
        }
        if (hg_time_monotonic_ms() - since_ms > STEADY_MS) {
            delay_ms = FIRST_DELAY_MS;
        }
        hg_log(HG_LOG_WARNING, "PostgreSQL ended and is started again", "log", cluster->log, NULL);
        if (!revive(cluster, &delay_ms)) {
            return NULL;
        }
        delay_ms = delay_ms * 2 > LONGEST_DELAY_MS ? LONGEST_DELAY_MS : delay_ms * 2;
    }
}

static int start_supervisor(struct hg_cluster *cluster, struct hg_error *err)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all); /* signals are for the main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int e = pthread_create(&cluster->supervisor, NULL, supervise, cluster);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (e) {
        return hg_error_errno(err, e, "cannot start a thread");
    }
    cluster->supervised = true;
    return HG_OK;
}

static void stop_supervisor(struct hg_cluster *cluster)
{
    if (cluster->supervised) {
        (void)eventfd_write(cluster->stop_fd, 1);
        (void)pthread_join(cluster->supervisor, NULL);
        cluster->supervised = false;
    }
}

/* ---- the interface ---- */

/*
 * A server that was found running may have been dying already, which shows once something is asked
 * of it: then another one is started.
 */
static int bring_up_whole(struct hg_cluster *cluster, struct hg_error *err)
{
    int r = bring_up(cluster, &cluster->adopted, err);
    if (r < 0) {
        return r;
    }
    set_urls(cluster);
    r = make_contents(cluster, err);
    if (r != HG_EUNAVAILABLE || !cluster->adopted ||
        !hg_postmaster_wait_end(hg_cluster_pid(cluster), DYING_MS)) {
        return r;
    }
    r = bring_up(cluster, &cluster->adopted, err);
    set_urls(cluster);
    return r < 0 ? r : make_contents(cluster, err);
}

static int start(struct hg_cluster *cluster,
                 const struct hg_cluster_options *options,
                 struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int lock_fd = -1;
    int r = set_paths(cluster, options->data_dir, err);
    r = r < 0 ? r : lock(cluster, ".lock", LOCK_EX, &lock_fd, err);
    /* Before looking: a host that is stopping it has this lock to itself until it is stopped. */
    r = r < 0 ? r : lock(cluster, ".users", LOCK_SH, &cluster->users_fd, err);
    r = r < 0 ? r : prepare_files(cluster, options->programs_root, err);
    r = r < 0 ? r : bring_up_whole(cluster, err);
    return r < 0 || !options->supervise ? r : start_supervisor(cluster, err);
}

int hg_cluster_start(const struct hg_cluster_options *options,
                     struct hg_cluster **ret,
                     struct hg_error *err)
{
    if (geteuid() == 0) {
        hg_error_set(err, HG_EFORBIDDEN, "PostgreSQL does not run as root");
        (void)hg_error_hint(err, "Run Headgate as an ordinary user, or set the user headgate up.");
        return HG_EFORBIDDEN;
    }
    HG_CLEANUP(hg_cluster_freep) struct hg_cluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster) {
        return hg_error_nomem(err);
    }
    (void)pthread_mutex_init(&cluster->mutex, NULL);
    cluster->users_fd = -1;
    cluster->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (cluster->stop_fd < 0) {
        return hg_error_errno(err, errno, "cannot make an event descriptor");
    }
    int r = start(cluster, options, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(cluster);
    } else if (cluster->pid && !cluster->adopted) {
        (void)hg_cluster_stop(cluster, NULL);
    }
    return r;
}

const char *hg_cluster_metadata_url(const struct hg_cluster *cluster)
{
    return cluster->metadata_url;
}

const char *hg_cluster_warehouse_url(const struct hg_cluster *cluster)
{
    return cluster->warehouse_url;
}

const char *hg_cluster_worker_url(const struct hg_cluster *cluster)
{
    return cluster->worker_url;
}

bool hg_cluster_adopted(const struct hg_cluster *cluster)
{
    return cluster->adopted;
}

static bool has_other_users(const struct hg_cluster *cluster)
{
    return flock(cluster->users_fd, LOCK_EX | LOCK_NB) < 0;
}

void hg_cluster_ask_to_end(struct hg_cluster *cluster)
{
    pid_t pid = hg_cluster_pid(cluster);
    if (pid > 0 && !has_other_users(cluster)) {
        (void)kill(pid, SIGINT);
    }
}

int hg_cluster_stop(struct hg_cluster *cluster, struct hg_error *err)
{
    stop_supervisor(cluster);
    if (has_other_users(cluster)) {
        return HG_OK;
    }
    int r = hg_postmaster_stop(hg_cluster_pid(cluster), FAST_STOP_MS, err);
    if (r == HG_OK) {
        (void)rmdir(cluster->socket_folder);
    }
    return r;
}

void hg_cluster_free(struct hg_cluster *cluster)
{
    if (!cluster) {
        return;
    }
    stop_supervisor(cluster);
    hg_closep(&cluster->stop_fd);
    hg_closep(&cluster->users_fd);
    (void)pthread_mutex_destroy(&cluster->mutex);
    free(cluster);
}
