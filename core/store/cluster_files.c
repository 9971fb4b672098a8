#include "store/cluster_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "store/command.h"
#include "store/failure.h"
#include "store/roles.h"

enum { INITDB_TIMEOUT_MS = 5 * 60 * 1000, OPEN_FILES = 32, MB = 1024 * 1024 };

/* ---- making ---- */

int hg_cluster_files_major(const char *data, int *ret_major, struct hg_error *err)
{
    char path[PATH_MAX];
    size_t n = 0;
    int64_t major = 0;
    HG_CLEANUP(hg_freep) char *text = NULL;
    struct stat st;
    if (stat(data, &st) < 0 && errno == ENOENT) {
        *ret_major = 0;
        return HG_OK;
    }
    (void)snprintf(path, sizeof path, "%s/PG_VERSION", data);
    int r = hg_read_file(path, 64, &text, &n, err);
    if (r == HG_EFORBIDDEN) {
        (void)hg_error_hint(err, "Give the data dir to the user that Headgate runs as (chown).");
        return r;
    }
    if (r == HG_OK) {
        text[strcspn(text, "\n")] = '\0';
        r = hg_parse_int64(text, 1, 999, &major, NULL);
    }
    if (r < 0) {
        hg_error_set(
            err, HG_ECONFLICT, "\"%.200s\" is there but holds no PostgreSQL cluster", data);
        (void)hg_error_hint(err, "Move that folder away, or choose another data dir.");
        return HG_ECONFLICT;
    }
    *ret_major = (int)major;
    return HG_OK;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* Fills in the locale: comparing by bytes is quick and does not change with the C library, and
 * C.UTF-8 knows upper and lower case of all letters. */
static size_t add_locale(const char **argv, size_t n, int major, bool plain)
{
    if (plain) {
        argv[n++] = "--locale=C";
        return n;
    }
    if (major >= 17) {
        argv[n++] = "--locale-provider=builtin";
        argv[n++] = "--builtin-locale=C.UTF-8";
    }
    argv[n++] = "--locale=C.UTF-8";
    argv[n++] = "--lc-collate=C";
    argv[n++] = "--lc-messages=C";
    return n;
}

static int run_initdb(const struct hg_pg_programs *programs,
                      const char *folder,
                      bool plain_locale,
                      struct hg_error *err)
{
    char program[PATH_MAX];
    const char *argv[20] = {NULL};
    size_t n = 0;
    int status = 0;
    (void)snprintf(program, sizeof program, "%s/initdb", programs->folder);
    argv[n++] = program;
    argv[n++] = "--pgdata";
    argv[n++] = folder;
    argv[n++] = "--username=" HG_ROLE_ADMIN;
    argv[n++] = "--auth=peer";
    argv[n++] = "--encoding=UTF8";
    argv[n++] = "--no-sync"; /* once at the end, see sync_all */
    argv[n++] = "--no-instructions";
    n = add_locale(argv, n, programs->major, plain_locale);
    HG_CLEANUP(hg_buf_free) struct hg_buf output = HG_BUF_INIT;
    int r = hg_store_command_run(argv, INITDB_TIMEOUT_MS, &output, &status, err);
    if (r < 0 || status == 0) {
        return r;
    }
    char what[320];
    (void)snprintf(what, sizeof what, "cannot make the cluster in \"%.200s\"", folder);
    return hg_pg_failure(what, hg_buf_text(&output), err);
}

static int init(const struct hg_pg_programs *programs, const char *folder, struct hg_error *err)
{
    int r = run_initdb(programs, folder, false, err);
    if (r == HG_ENOTFOUND) { /* a machine without C.UTF-8: case of ASCII letters only */
        r = run_initdb(programs, folder, true, err);
    }
    return r;
}

/* One flush of the file system; a thousand single ones take seconds on a busy disk. */
static int sync_all(const char *folder, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) < 0) {
        return hg_error_errno(err, errno, "cannot write the new cluster \"%s\" to disk", folder);
    }
    return HG_OK;
}

static int sync_parent(const char *path, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *parent = hg_path_folder(path);
    if (!parent) {
        return hg_error_nomem(err);
    }
    HG_CLEANUP(hg_closep) int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        return hg_error_errno(err, errno, "cannot sync \"%s\"", parent);
    }
    return HG_OK;
}

int hg_cluster_files_make(const struct hg_pg_programs *programs,
                          const char *data,
                          struct hg_error *err)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s.new", data) >= (int)sizeof part) {
        return hg_error_set(err, HG_EINVAL, "the path \"%.100s...\" is too long", data);
    }
    (void)nftw(part, remove_entry, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    int r = init(programs, part, err);
    r = r < 0 ? r : hg_cluster_files_configure(part, err);
    r = r < 0 ? r : sync_all(part, err);
    if (r == HG_OK && rename(part, data) < 0) {
        r = hg_error_errno(err, errno, "cannot rename \"%s\" to \"%s\"", part, data);
    }
    if (r < 0) {
        (void)nftw(part, remove_entry, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
        return r;
    }
    return sync_parent(data, err);
}

/* ---- configuration ---- */

static const char settings[] = "# Written by Headgate at each start. Put settings of your own into "
                               "local.conf beside this file.\n"
                               "listen_addresses = ''\n"
                               "unix_socket_permissions = 0700\n"
                               "cluster_name = 'headgate'\n"
                               "max_connections = 80\n"
                               "work_mem = 8MB\n"
                               "maintenance_work_mem = 64MB\n"
                               "dynamic_shared_memory_type = posix\n"
                               "jit = off\n"
                               "max_logical_replication_workers = 0\n"
                               "# No standby and no archive hangs on this cluster, so that a table "
                               "filled in the transaction that\n"
                               "# made it needs no log.\n"
                               "wal_level = minimal\n"
                               "max_wal_senders = 0\n"
                               "# After a crash all files are flushed, by one call where the "
                               "kernel tells of errors (5.8 on).\n"
                               "recovery_init_sync_method = syncfs\n"
                               "min_wal_size = 80MB\n"
                               "max_wal_size = 1GB\n"
                               "log_destination = stderr\n"
                               "logging_collector = off\n"
                               "log_checkpoints = off\n"
                               "log_line_prefix = '%m [%p] %q%u@%d %a '\n"
                               "log_min_duration_statement = -1\n"
                               "timezone = 'UTC'\n"
                               "log_timezone = 'UTC'\n"
                               "datestyle = 'iso, ymd'\n"
                               "default_text_search_config = 'pg_catalog.english'\n";

static const char hba[] = "# Written by Headgate at each start.\n"
                          "local all " HG_ROLE_ADMIN " peer map=headgate\n"
                          "local metadata,warehouse " HG_ROLE_HOST " peer map=headgate\n"
                          "local warehouse " HG_ROLE_LOAD " peer map=headgate\n";

/* Pages are only taken once they are used; a small machine still gets a small limit. */
static int shared_buffers_mb(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    int64_t mb = pages > 0 && page_bytes > 0 ? (int64_t)pages * page_bytes / MB / 16 : 0;
    return mb < 32 ? 32 : mb > 256 ? 256 : (int)mb;
}

/* Left alone when it is the same, so that a start writes nothing. */
static int put_file(const char *data, const char *name, const char *text, struct hg_error *err)
{
    char path[PATH_MAX];
    size_t n = 0;
    HG_CLEANUP(hg_freep) char *old = NULL;
    if (snprintf(path, sizeof path, "%s/%s", data, name) >= (int)sizeof path) {
        return hg_error_set(err, HG_EINVAL, "the path \"%.100s...\" is too long", data);
    }
    if (hg_read_file(path, MB, &old, &n, NULL) == HG_OK && strcmp(old, text) == 0) {
        return HG_OK;
    }
    return hg_write_file(path, 0600, text, strlen(text), err);
}

static int put_settings(const char *data, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    hg_buf_puts(&text, settings);
    hg_buf_printf(&text, "shared_buffers = %dMB\n", shared_buffers_mb());
    hg_buf_puts(&text, "include_if_exists = 'local.conf'\n");
    return hg_buf_failed(&text) ? hg_error_nomem(err)
                                : put_file(data, "postgresql.conf", hg_buf_text(&text), err);
}

/* The server logs a line for a file to include that is missing, in each of its processes. */
static int make_local(const char *data, struct hg_error *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/local.conf", data);
    HG_CLEANUP(hg_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? hg_error_errno(err, errno, "cannot open \"%s\"", path) : HG_OK;
}

/* The operating system's user is who may log in, as each of the cluster's roles. */
static int put_ident(const char *data, struct hg_error *err)
{
    char room[16384];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(geteuid(), &entry, room, sizeof room, &found) != 0 || !found) {
        hg_error_set(err, HG_EINVAL, "user id %u has no entry in /etc/passwd", (unsigned)geteuid());
        (void)hg_error_hint(err,
                            "PostgreSQL needs its name: add an entry, or run as user headgate.");
        return HG_EINVAL;
    }
    static const char *const roles[] = {HG_ROLE_ADMIN, HG_ROLE_HOST, HG_ROLE_LOAD};
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    hg_buf_puts(&text, "# Written by Headgate at each start.\n");
    for (size_t i = 0; i < HG_COUNT(roles); i++) {
        hg_buf_printf(&text, "headgate \"%s\" %s\n", entry.pw_name, roles[i]);
    }
    return hg_buf_failed(&text) ? hg_error_nomem(err)
                                : put_file(data, "pg_ident.conf", hg_buf_text(&text), err);
}

int hg_cluster_files_configure(const char *data, struct hg_error *err)
{
    int r = make_local(data, err);
    r = r < 0 ? r : put_settings(data, err);
    r = r < 0 ? r : put_file(data, "pg_hba.conf", hba, err);
    return r < 0 ? r : put_ident(data, err);
}
