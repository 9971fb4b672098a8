/* Becoming the service's user. What only root can do is tried in a child, and skipped for others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "store/account.h"

enum { SOMEBODY = 65534 }; /* nobody, on Debian */

/* What the child that changed its user found; shared memory. */
struct outcome {
    int r;
    bool changed;
    struct hg_error err;
    uid_t uid;
    gid_t gid;
    int n_groups;
    bool could_go_back;
    bool could_write_data;
    char home[256];
};

static struct outcome *outcome;

static int share(void **state)
{
    (void)state;
    outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return outcome == MAP_FAILED ? -1 : 0;
}

static int unshare_it(void **state)
{
    (void)state;
    return munmap(outcome, sizeof *outcome);
}

static void look_around(const char *data_dir)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/written", data_dir);
    outcome->uid = geteuid();
    outcome->gid = getegid();
    outcome->n_groups = getgroups(0, NULL);
    outcome->could_go_back = setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0;
    FILE *file = fopen(path, "we");
    outcome->could_write_data = file != NULL;
    if (file) {
        (void)fclose(file);
    }
    (void)snprintf(outcome->home, sizeof outcome->home, "%s", getenv("HOME") ? getenv("HOME") : "");
}

/* Becomes `user` in a child. */
static void become(const char *user, const char *data_dir, const struct hg_account_path *paths)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->err = (struct hg_error)HG_ERROR_INIT;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        outcome->r = hg_account_become(user, data_dir, paths, &outcome->changed, &outcome->err);
        look_around(data_dir);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void need_root(void)
{
    if (geteuid() != 0) {
        skip();
    }
}

static char *open_scratch(void)
{
    char *folder = make_scratch();
    assert_int_equal(chmod(folder, 0755), 0);
    return folder;
}

static char *in(const char *folder, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void test_root_becomes_the_user_for_good(void **state)
{
    (void)state;
    need_root();
    char *scratch = open_scratch();
    HG_CLEANUP(hg_freep) char *data = in(scratch, "deep/data");
    struct stat st;
    become("nobody", data, NULL);
    assert_int_equal(outcome->r, HG_OK);
    assert_true(outcome->changed);
    assert_int_equal(outcome->uid, SOMEBODY);
    assert_int_equal(outcome->gid, SOMEBODY);
    assert_in_range(outcome->n_groups, 0, 1);
    assert_false(outcome->could_go_back);
    assert_true(outcome->could_write_data);
    assert_string_equal(outcome->home, "/nonexistent");
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_uid, SOMEBODY);
    assert_int_equal(st.st_mode & 07777, 0700);
    become("nobody", data, NULL); /* and once more with what is there now */
    assert_int_equal(outcome->r, HG_OK);
    remove_scratch(scratch);
}

static void test_missing_user(void **state)
{
    (void)state;
    need_root();
    char *scratch = open_scratch();
    HG_CLEANUP(hg_freep) char *data = in(scratch, "data");
    become("no-such-user", data, NULL);
    assert_int_equal(outcome->r, HG_ENOTFOUND);
    assert_int_equal(outcome->uid, 0);
    assert_non_null(strstr(outcome->err.message, "no user no-such-user"));
    assert_non_null(strstr(outcome->err.hint, "useradd --system"));
    become("root", data, NULL);
    assert_int_equal(outcome->r, HG_EINVAL);
    remove_scratch(scratch);
}

static void test_folder_in_the_way_is_named(void **state)
{
    (void)state;
    need_root();
    char *scratch = open_scratch();
    HG_CLEANUP(hg_freep) char *data = in(scratch, "data");
    HG_CLEANUP(hg_freep) char *closed = in(scratch, "closed");
    HG_CLEANUP(hg_freep) char *inner = in(scratch, "closed/inner");
    HG_CLEANUP(hg_freep) char *plugins = in(scratch, "closed/inner/plugins");
    assert_int_equal(mkdir(closed, 0700), 0);
    assert_int_equal(mkdir(inner, 0755), 0);
    assert_int_equal(mkdir(plugins, 0755), 0);
    const struct hg_account_path paths[] = {
        {"nothing", NULL}, {"the plugins", plugins}, {NULL, NULL}};
    become("nobody", data, paths);
    assert_int_equal(outcome->r, HG_EFORBIDDEN);
    HG_CLEANUP(hg_freep) char *named = NULL;
    assert_true(asprintf(&named, "may not enter \"%s\" and so cannot reach the plugins", closed) >
                0);
    assert_non_null(strstr(outcome->err.message, named));
    assert_non_null(strstr(outcome->err.hint, "chmod o+x"));
    assert_int_equal(chmod(closed, 0711), 0);
    become("nobody", data, paths);
    assert_int_equal(outcome->r, HG_OK);
    remove_scratch(scratch);
}

static void test_data_dir_of_somebody_else(void **state)
{
    (void)state;
    need_root();
    char *scratch = open_scratch();
    HG_CLEANUP(hg_freep) char *data = in(scratch, "data");
    HG_CLEANUP(hg_freep) char *file = in(scratch, "data/file");
    struct stat st;
    assert_int_equal(mkdir(data, 0755), 0);
    assert_int_equal(mkdir(file, 0755), 0);
    become("nobody", data, NULL); /* root's, with something in it */
    assert_int_equal(outcome->r, HG_EFORBIDDEN);
    assert_non_null(strstr(outcome->err.hint, "chown -R nobody:"));
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_uid, 0);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(chown(data, 12345, 12345), 0);
    become("nobody", data, NULL);
    assert_int_equal(outcome->r, HG_EFORBIDDEN);
    assert_non_null(strstr(outcome->err.message, "user 12345"));
    remove_scratch(scratch);
}

static void test_ordinary_user_stays(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        skip();
    }
    char *scratch = make_scratch();
    HG_CLEANUP(hg_freep) char *data = in(scratch, "data");
    become("no-such-user", data, NULL);
    assert_int_equal(outcome->r, HG_OK);
    assert_false(outcome->changed);
    assert_true(outcome->could_write_data);
    remove_scratch(scratch);
}

static void test_paths(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_account_check_path("it", "/etc/passwd", &err), HG_OK);
    assert_int_equal(hg_account_check_path("it", "/usr", &err), HG_OK);
    assert_int_equal(hg_account_check_path("the page", "/usr/no/such", &err), HG_ENOTFOUND);
    assert_non_null(strstr(err.message, "cannot reach the page, \"/usr/no/such\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_becomes_the_user_for_good),
        cmocka_unit_test(test_missing_user),
        cmocka_unit_test(test_folder_in_the_way_is_named),
        cmocka_unit_test(test_data_dir_of_somebody_else),
        cmocka_unit_test(test_ordinary_user_stays),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests_name("store/account", tests, share, unshare_it);
}
