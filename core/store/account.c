#include "store/account.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

enum { ENTRY_BYTES = 16384 };

struct account {
    struct passwd entry;
    char room[ENTRY_BYTES];
};

static int find_user(const char *user, struct account *ret, struct hg_error *err)
{
    struct passwd *found = NULL;
    int e = getpwnam_r(user, &ret->entry, ret->room, sizeof ret->room, &found);
    if (e != 0) {
        return hg_error_errno(err, e, "cannot look up the user %s", user);
    }
    if (!found) {
        hg_error_set(err, HG_ENOTFOUND, "started as root, and there is no user %s to run as", user);
        (void)hg_error_hint(err,
                            "Make it: useradd --system --user-group --create-home --home-dir "
                            "/var/lib/%s --shell /usr/sbin/nologin %s. `make up` does so.",
                            user,
                            user);
        return HG_ENOTFOUND;
    }
    if (found->pw_uid == 0) {
        return hg_error_set(err, HG_EINVAL, "the user %s is root itself", user);
    }
    return HG_OK;
}

/* ---- the data dir ---- */

static int is_empty(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    int empty = folder != NULL;
    for (const struct dirent *e = folder ? readdir(folder) : NULL; e; e = readdir(folder)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            empty = 0;
        }
    }
    if (folder) {
        (void)closedir(folder);
    } else if (copy >= 0) {
        (void)close(copy);
    }
    return empty;
}

/* An empty folder of root's is given away; anything else of another owner may be there by mistake.
 */
static int give_data_dir(const char *path, const struct passwd *user, struct hg_error *err)
{
    struct stat st;
    int r = hg_make_folders(path, 0755, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return hg_error_errno(err, errno, "cannot open the data dir \"%s\"", path);
    }
    if (st.st_uid == user->pw_uid) {
        return HG_OK;
    }
    if (st.st_uid != 0 || !is_empty(fd)) {
        hg_error_set(err,
                     HG_EFORBIDDEN,
                     "the data dir \"%s\" belongs to user %u and %s runs as %s",
                     path,
                     (unsigned)st.st_uid,
                     "Headgate",
                     user->pw_name);
        (void)hg_error_hint(err, "When it is the right one: chown -R %s: %s", user->pw_name, path);
        return HG_EFORBIDDEN;
    }
    if (fchown(fd, user->pw_uid, user->pw_gid) < 0 || fchmod(fd, 0700) < 0) {
        return hg_error_errno(err, errno, "cannot give \"%s\" to %s", path, user->pw_name);
    }
    return HG_OK;
}

/* ---- the change of user ---- */

static int drop_root(const struct passwd *user, struct hg_error *err)
{
    uid_t real;
    uid_t effective;
    uid_t saved;
    if (initgroups(user->pw_name, user->pw_gid) < 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return hg_error_errno(err, errno, "cannot become user %s", user->pw_name);
    }
    if (getresuid(&real, &effective, &saved) < 0 || real != user->pw_uid ||
        effective != user->pw_uid || saved != user->pw_uid || setuid(0) == 0 || setgid(0) == 0) {
        return hg_error_set(err, HG_EINTERNAL, "became %s, but not for good", user->pw_name);
    }
    return HG_OK;
}

static int set_environment(const struct passwd *user, struct hg_error *err)
{
    static const char *const of_root[] = {"MAIL",
                                          "XDG_RUNTIME_DIR",
                                          "XDG_CONFIG_HOME",
                                          "XDG_CACHE_HOME",
                                          "XDG_DATA_HOME",
                                          "XDG_STATE_HOME",
                                          "TMPDIR"};
    if (setenv("HOME", user->pw_dir, 1) < 0 || setenv("USER", user->pw_name, 1) < 0 ||
        setenv("LOGNAME", user->pw_name, 1) < 0) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < HG_COUNT(of_root); i++) {
        (void)unsetenv(of_root[i]);
    }
    /* A working folder that the user may not enter makes its children fail in odd ways. */
    if (access(".", X_OK) < 0 && chdir("/") < 0) {
        return hg_error_errno(err, errno, "cannot change to the folder \"/\"");
    }
    return HG_OK;
}

/* ---- paths ---- */

static int blocked(const char *what, const char *path, const char *folder, struct hg_error *err)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char room[ENTRY_BYTES];
    (void)getpwuid_r(geteuid(), &entry, room, sizeof room, &found);
    const char *user = found ? found->pw_name : "this user";
    hg_error_set(err,
                 HG_EFORBIDDEN,
                 "user %s may not enter \"%s\" and so cannot reach %s, \"%s\"",
                 user,
                 folder,
                 what,
                 path);
    (void)hg_error_hint(err,
                        "Put it where %s can reach it, such as /var/lib/headgate (`make up` does "
                        "so), or allow entering: chmod o+x %s",
                        user,
                        folder);
    return HG_EFORBIDDEN;
}

int hg_account_check_path(const char *what, const char *path, struct hg_error *err)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part) {
        return hg_error_set(err, HG_EINVAL, "the path \"%.100s...\" is too long", path);
    }
    memcpy(part, path, n + 1);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (faccessat(AT_FDCWD, part, X_OK, AT_EACCESS) < 0 && errno == EACCES) {
            return blocked(what, path, part, err);
        }
        *slash = '/';
    }
    struct stat st;
    if (stat(path, &st) < 0) {
        return hg_error_errno(err, errno, "cannot reach %s, \"%s\"", what, path);
    }
    if (faccessat(AT_FDCWD, path, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK, AT_EACCESS) < 0) {
        if (S_ISDIR(st.st_mode)) {
            return blocked(what, path, path, err);
        }
        return hg_error_errno(err, errno, "cannot read %s, \"%s\"", what, path);
    }
    return HG_OK;
}

static int check_paths(const char *data_dir,
                       const struct hg_account_path *paths,
                       struct hg_error *err)
{
    int r = hg_account_check_path("the data dir", data_dir, err);
    for (; r == HG_OK && paths && paths->what; paths++) {
        if (paths->path) {
            r = hg_account_check_path(paths->what, paths->path, err);
        }
    }
    return r;
}

int hg_account_become(const char *user,
                      const char *data_dir,
                      const struct hg_account_path *paths,
                      bool *ret_changed,
                      struct hg_error *err)
{
    bool root = geteuid() == 0;
    int r = HG_OK;
    if (root) {
        struct account account;
        r = find_user(user, &account, err);
        r = r < 0 ? r : give_data_dir(data_dir, &account.entry, err);
        r = r < 0 ? r : drop_root(&account.entry, err);
        r = r < 0 ? r : set_environment(&account.entry, err);
    } else {
        r = hg_make_folders(data_dir, 0700, err);
    }
    r = r < 0 ? r : check_paths(data_dir, paths, err);
    if (r == HG_OK && ret_changed) {
        *ret_changed = root;
    }
    return r;
}

int hg_account_look_as(const char *user, struct hg_error *err)
{
    struct account account;
    int r = find_user(user, &account, err);
    if (r < 0) {
        return r;
    }
    if (initgroups(account.entry.pw_name, account.entry.pw_gid) < 0 ||
        setegid(account.entry.pw_gid) < 0 || seteuid(account.entry.pw_uid) < 0) {
        r = hg_error_errno(err, errno, "cannot look at files as user %s", user);
        hg_account_look_back();
    }
    return r;
}

void hg_account_look_back(void)
{
    if (seteuid(0) < 0 || setegid(0) < 0 || setgroups(0, NULL) < 0) {
        abort(); /* of a program that is root, and does nothing but look */
    }
}
