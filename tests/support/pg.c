#include "pg.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/mem.h"
#include "store/migrate.h"
#include "store/programs.h"
#include "store/roles.h"

/* Changed whenever what goes into the template changes otherwise than by a migration. */
#define TEMPLATE_VERSION "1"

enum { PATH_BYTES = 512, START_WITHIN_MS = 30000 };

/* What the test may ask of the keeper, one byte each; it answers '+' or '-'. */
enum { INIT = 'i', RUN = 'r', STOP = 's', KILL = 'k' };

struct hg_test_pg {
    char folder[64];
    char metadata[PATH_BYTES];
    char warehouse[PATH_BYTES];
    char worker[PATH_BYTES];
    char admin[PATH_BYTES];
    struct hg_pg_programs programs;
    uid_t uid; /* as whom the server runs */
    gid_t gid;
    pid_t keeper;
    int keeper_fd;
};

static void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fputs("test PostgreSQL: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

/* ---- files ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}

static struct {
    size_t skip; /* bytes of the source's own path */
    const char *to;
    uid_t uid;
    gid_t gid;
} copying; /* nftw passes no argument on */

static int copy_file(const char *from, const char *to)
{
    HG_CLEANUP(hg_closep) int in = open(from, O_RDONLY | O_CLOEXEC);
    HG_CLEANUP(hg_closep) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || fchown(out, copying.uid, copying.gid) < 0) {
        return -1;
    }
    for (;;) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)1 << 30, 0);
        if (n <= 0) {
            return n < 0 ? -1 : 0;
        }
    }
}

static int copy_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    char to[PATH_BYTES];
    (void)st;
    (void)at;
    if (snprintf(to, sizeof to, "%s%s", copying.to, path + copying.skip) >= (int)sizeof to) {
        return -1;
    }
    if (type == FTW_D) {
        return mkdir(to, 0700) < 0 || chown(to, copying.uid, copying.gid) < 0 ? -1 : 0;
    }
    return type == FTW_F ? copy_file(path, to) : 0;
}

static int copy_tree(const char *from, const char *to, uid_t uid, gid_t gid)
{
    copying.skip = strlen(from);
    copying.to = to;
    copying.uid = uid;
    copying.gid = gid;
    int r = nftw(from, copy_entry, 32, FTW_PHYS);
    copying.to = NULL;
    if (r != 0) {
        complain("cannot copy %s to %s: %s", from, to, strerror(errno));
        return -1;
    }
    return 0;
}

/* ---- the keeper: a process that outlives the test by as long as cleaning up takes ---- */

static void become_server_user(const struct hg_test_pg *pg)
{
    bool root = geteuid() == 0;
    if ((root && (setgroups(0, NULL) < 0 || setgid(pg->gid) < 0 || setuid(pg->uid) < 0)) ||
        chdir(pg->folder) < 0) {
        _exit(126);
    }
}

static pid_t keeper_spawn(const struct hg_test_pg *pg, const char *const *argv)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    become_server_user(pg);
    /* After the change of user, which would clear it. An immediate stop, should the keeper die. */
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent) {
        _exit(126);
    }
    (void)execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static bool keeper_init(const struct hg_test_pg *pg)
{
    char program[PATH_BYTES];
    char data[PATH_BYTES];
    int status = -1;
    (void)snprintf(program, sizeof program, "%s/initdb", pg->programs.folder);
    (void)snprintf(data, sizeof data, "%s/data", pg->folder);
    const char *const argv[] = {program,
                                "-D",
                                data,
                                "-U",
                                "headgate_admin",
                                "-A",
                                "trust",
                                "-E",
                                "UTF8",
                                "-N",
                                "--locale",
                                "C.UTF-8",
                                "--wal-segsize",
                                "1",
                                NULL};
    pid_t pid = keeper_spawn(pg, argv);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static pid_t keeper_run(const struct hg_test_pg *pg)
{
    char program[PATH_BYTES];
    char data[PATH_BYTES];
    (void)snprintf(program, sizeof program, "%s/postgres", pg->programs.folder);
    (void)snprintf(data, sizeof data, "%s/data", pg->folder);
    const char *const argv[] = {program,
                                "-D",
                                data,
                                "-k",
                                pg->folder,
                                "-c",
                                "listen_addresses=",
                                "-c",
                                "fsync=off",
                                "-c",
                                "full_page_writes=off",
                                "-c",
                                "wal_level=minimal",
                                "-c",
                                "max_wal_senders=0",
                                "-c",
                                "max_connections=60",
                                "-c",
                                "shared_buffers=16MB",
                                "-c",
                                "jit=off",
                                "-c",
                                "autovacuum=off",
                                "-c",
                                "dynamic_shared_memory_type=mmap",
                                "-c",
                                "unix_socket_permissions=0777",
                                NULL};
    return keeper_spawn(pg, argv);
}

static void keeper_end(pid_t *server, int signal_number)
{
    if (*server > 0) {
        (void)kill(*server, signal_number);
        (void)waitpid(*server, NULL, 0);
    }
    *server = 0;
}

static void keeper_detach(const struct hg_test_pg *pg, int fd)
{
    char log[PATH_BYTES];
    (void)snprintf(log, sizeof log, "%s/log", pg->folder);
    (void)setsid(); /* Ctrl-C is for the test; the end of the test is told by the socket */
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)dup2(in, 0);
    (void)dup2(out, 1);
    (void)dup2(out, 2); /* ctest waits for all that hold its pipe */
    (void)dup2(fd, 3);
    (void)fcntl(3, F_SETFD, FD_CLOEXEC);
    (void)close_range(4, ~0U, 0);
    static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD};
    for (size_t i = 0; i < HG_COUNT(defaults); i++) {
        (void)signal(defaults[i], SIG_DFL);
    }
}

static void keep(const struct hg_test_pg *pg, int fd)
{
    pid_t server = 0;
    char command;
    keeper_detach(pg, fd);
    while (read(3, &command, 1) == 1) {
        bool good = true;
        if (command == INIT) {
            good = keeper_init(pg);
        } else if (command == RUN) {
            server = keeper_run(pg);
            good = server > 0;
        } else {
            keeper_end(&server, command == STOP ? SIGINT : SIGQUIT);
        }
        (void)send(3, good ? "+" : "-", 1, MSG_NOSIGNAL);
    }
    keeper_end(&server, SIGQUIT);
    if (!getenv("HG_TEST_KEEP")) {
        remove_tree(pg->folder);
    }
    _exit(0);
}

static int ask_keeper(struct hg_test_pg *pg, char command)
{
    char answer = '-';
    if (send(pg->keeper_fd, &command, 1, MSG_NOSIGNAL) != 1 ||
        read(pg->keeper_fd, &answer, 1) != 1) {
        return -1;
    }
    return answer == '+' ? 0 : -1;
}

static int start_keeper(struct hg_test_pg *pg)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid < 0) {
        return -1;
    }
    if (pid == 0) {
        keep(pg, ends[1]);
    }
    (void)close(ends[1]);
    pg->keeper = pid;
    pg->keeper_fd = ends[0];
    return 0;
}

/* ---- the server ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show_log(const struct hg_test_pg *pg)
{
    char path[PATH_BYTES];
    char line[512];
    (void)snprintf(path, sizeof path, "%s/log", pg->folder);
    HG_CLEANUP(hg_fclosep) FILE *log = fopen(path, "re");
    while (log && fgets(line, sizeof line, log)) {
        (void)fputs(line, stderr);
    }
}

static int run_server(struct hg_test_pg *pg)
{
    int64_t until = now_ms() + START_WITHIN_MS;
    if (ask_keeper(pg, RUN) < 0) {
        return -1;
    }
    while (PQping(pg->admin) != PQPING_OK) {
        if (now_ms() > until) {
            complain("the server does not answer; its log:");
            show_log(pg);
            return -1;
        }
        const struct timespec pause = {.tv_nsec = 3000000};
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

static int on_connection(const char *conninfo, int (*action)(struct hg_db *, struct hg_error *))
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_db_connect(conninfo, "headgate-test", &db, &err);
    r = r < 0 ? r : action(db, &err);
    if (r < 0) {
        complain("%s", err.message);
        return -1;
    }
    return 0;
}

static int make_roles(struct hg_db *db, struct hg_error *err)
{
    static const char *const texts[] = {
        "create role headgate login",
        "create database metadata owner headgate",
        "create database warehouse owner headgate",
        "revoke connect on database metadata from public",
    };
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        int r = hg_db_simple(db, texts[i], NULL, err);
        if (r < 0) {
            return r;
        }
    }
    return hg_roles_ensure(db, "headgate", err);
}

static int migrate_metadata(struct hg_db *db, struct hg_error *err)
{
    return hg_migrate(db, HG_DATABASE_METADATA, NULL, err);
}

static int migrate_warehouse(struct hg_db *db, struct hg_error *err)
{
    return hg_migrate(db, HG_DATABASE_WAREHOUSE, NULL, err);
}

/* ---- the template ---- */

/* Of the migrations, so that a changed one makes a new template. */
static uint64_t fingerprint(void)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < hg_migration_n_files; i++) {
        for (size_t k = 0; k < hg_migration_files[i].n; k++) {
            hash = (hash ^ hg_migration_files[i].sql[k]) * 1099511628211U;
        }
    }
    return hash;
}

static int make_template(struct hg_test_pg *pg, const char *data, const char *template)
{
    char part[PATH_BYTES];
    if (ask_keeper(pg, INIT) < 0) {
        complain("initdb failed; its output:");
        show_log(pg);
        return -1;
    }
    if (run_server(pg) < 0 || on_connection(pg->admin, make_roles) < 0 ||
        on_connection(pg->metadata, migrate_metadata) < 0 ||
        on_connection(pg->warehouse, migrate_warehouse) < 0 || ask_keeper(pg, STOP) < 0) {
        return -1;
    }
    if (snprintf(part, sizeof part, "%s.new", template) >= (int)sizeof part) {
        return -1;
    }
    remove_tree(part);
    if (copy_tree(data, part, geteuid(), getegid()) < 0 || rename(part, template) < 0) {
        return -1;
    }
    return 0;
}

/* Puts a data folder in place, from the template when there is one. */
static int make_data(struct hg_test_pg *pg)
{
    char data[PATH_BYTES];
    char template[PATH_BYTES];
    char lock[PATH_BYTES];
    (void)snprintf(data, sizeof data, "%s/data", pg->folder);
    (void)mkdir(HG_TEST_PG_CACHE, 0755);
    (void)snprintf(template,
                   sizeof template,
                   HG_TEST_PG_CACHE "/" TEMPLATE_VERSION "-%d-%016llx",
                   pg->programs.major,
                   (unsigned long long)fingerprint());
    (void)snprintf(lock, sizeof lock, "%s", HG_TEST_PG_CACHE "/lock");
    HG_CLEANUP(hg_closep) int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        complain("cannot lock %s: %s", lock, strerror(errno));
        return -1;
    }
    if (access(template, R_OK) != 0) {
        return make_template(pg, data, template);
    }
    (void)flock(fd, LOCK_UN); /* a template is never changed */
    return copy_tree(template, data, pg->uid, pg->gid);
}

/* ---- the interface ---- */

static int choose_user(struct hg_test_pg *pg)
{
    static const char *const names[] = {"postgres", "nobody"};
    pg->uid = geteuid();
    pg->gid = getegid();
    for (size_t i = 0; pg->uid == 0 && i < HG_COUNT(names); i++) {
        const struct passwd *entry = getpwnam(names[i]);
        pg->uid = entry ? entry->pw_uid : 0;
        pg->gid = entry ? entry->pw_gid : 0;
    }
    if (pg->uid == 0) {
        complain("there is no user to run it as");
    }
    return pg->uid == 0 ? -1 : 0;
}

static int make_folder(struct hg_test_pg *pg)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(pg->folder, sizeof pg->folder, "%s/hg-pg-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(pg->folder) || chown(pg->folder, pg->uid, pg->gid) < 0) {
        complain("cannot make \"%s\": %s", pg->folder, strerror(errno));
        return -1;
    }
    const struct {
        char *text;
        const char *role;
        const char *database;
        const char *options;
    } urls[] = {
        {pg->metadata, "headgate", "metadata", HG_METADATA_OPTIONS},
        {pg->warehouse, "headgate", "warehouse", HG_WAREHOUSE_OPTIONS},
        {pg->worker, "headgate_load", "warehouse", HG_WAREHOUSE_OPTIONS},
        {pg->admin, "headgate_admin", "postgres", ""},
    };
    for (size_t i = 0; i < HG_COUNT(urls); i++) {
        (void)snprintf(urls[i].text,
                       PATH_BYTES,
                       "host='%s' port='5432' user='%s' dbname='%s' options='%s'",
                       pg->folder,
                       urls[i].role,
                       urls[i].database,
                       urls[i].options);
    }
    return 0;
}

struct hg_test_pg *hg_test_pg_start(void)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_test_pg *pg = calloc(1, sizeof *pg);
    if (!pg) {
        return NULL;
    }
    if (hg_pg_programs_find(NULL, 0, &pg->programs, &err) < 0) {
        complain("%s. %s", err.message, err.hint);
        free(pg);
        return NULL;
    }
    if (choose_user(pg) < 0 || make_folder(pg) < 0 || start_keeper(pg) < 0) {
        free(pg);
        return NULL;
    }
    if (make_data(pg) < 0 || run_server(pg) < 0) {
        hg_test_pg_stop(pg);
        return NULL;
    }
    return pg;
}

void hg_test_pg_stop(struct hg_test_pg *pg)
{
    if (pg) {
        (void)close(pg->keeper_fd);
        (void)waitpid(pg->keeper, NULL, 0);
        free(pg);
    }
}

const char *hg_test_pg_metadata(const struct hg_test_pg *pg)
{
    return pg->metadata;
}

const char *hg_test_pg_warehouse(const struct hg_test_pg *pg)
{
    return pg->warehouse;
}

const char *hg_test_pg_worker(const struct hg_test_pg *pg)
{
    return pg->worker;
}

const char *hg_test_pg_admin(const struct hg_test_pg *pg)
{
    return pg->admin;
}

const char *hg_test_pg_folder(const struct hg_test_pg *pg)
{
    return pg->folder;
}

int hg_test_pg_sql(struct hg_test_pg *pg, const char *database, const char *sql)
{
    char conninfo[PATH_BYTES];
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    (void)snprintf(conninfo,
                   sizeof conninfo,
                   "host='%s' port='5432' user='headgate_admin' dbname='%s'",
                   pg->folder,
                   database);
    int r = hg_db_connect(conninfo, "headgate-test", &db, &err);
    r = r < 0 ? r : hg_db_simple(db, sql, NULL, &err);
    if (r < 0) {
        complain("%s", err.message);
    }
    return r < 0 ? -1 : 0;
}

/* Ours are emptied, what users made is dropped. */
static const char reset_sql[] =
    /* As a replica: the audit log's triggers let nobody else empty it. */
    "set client_min_messages = error; set session_replication_role = replica;"
    " do $$ declare x record; begin"
    " for x in select nspname from pg_namespace where nspname !~ '^pg_'"
    " and nspname not in ('information_schema', 'public', 'headgate',"
    " 'headgate_stage') loop"
    " execute format('drop schema %I cascade', x.nspname); end loop;"
    " for x in select c.oid::regclass as name, c.relkind, n.nspname, pg_get_userbyid(c.relowner) as"
    " owner from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname in ('public', 'headgate', 'headgate_stage') and c.relkind in ('r', 'p', 'v')"
    " and c.relname not in ('headgate_migration', 'fence_secret') loop"
    " if x.owner <> 'headgate' then"
    " execute format('drop %s if exists %s cascade',"
    " case x.relkind when 'v' then 'view' else 'table' end, x.name);"
    " else execute format('truncate %s restart identity cascade', x.name); end if; end loop;"
    " if to_regclass('public.task_fence') is not null then"
    " perform setval('public.task_fence', 1, false);"
    " perform setval('public.task_front', 1, false); end if; end $$";

int hg_test_pg_reset(struct hg_test_pg *pg)
{
    int r = hg_test_pg_sql(pg, "metadata", reset_sql);
    return r < 0 ? r : hg_test_pg_sql(pg, "warehouse", reset_sql);
}

void hg_test_pg_kill(struct hg_test_pg *pg)
{
    (void)ask_keeper(pg, KILL);
}

int hg_test_pg_resume(struct hg_test_pg *pg)
{
    return run_server(pg);
}
