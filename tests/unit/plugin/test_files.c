#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "plugin/file_scope.h"
#include "temp.h"

/* <folder>/in is allowed, <folder>/out is not; relative paths start in <folder>/in/base. */
static struct hg_file_scope *scope;

static int make_tree(void **state)
{
    (void)make_folder(state);
    const char *const folders[] = {"in", "in/base", "in/base/sub", "out", "inner"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(mkdir(temp_path(folder, folders[i]), 0755), 0);
    }
    const char *const files[] = {"in/base/b.csv",
                                 "in/base/a.csv",
                                 "in/base/sub/c.csv",
                                 "in/base/a[1].csv",
                                 "in/x.csv",
                                 "out/secret.csv",
                                 "inner/secret.csv"};
    for (size_t i = 0; i < 7; i++) {
        temp_write(temp_path(folder, files[i]), files[i]);
    }
    assert_int_equal(symlink("../x.csv", temp_path(folder, "in/base/link.csv")), 0);
    assert_int_equal(symlink("../../out/secret.csv", temp_path(folder, "in/base/leak.txt")), 0);
    assert_int_equal(symlink(temp_path(folder, "out"), temp_path(folder, "in/base/door")), 0);
    assert_int_equal(mkfifo(temp_path(folder, "in/base/pipe"), 0644), 0);
    char root[300], base[300];
    (void)snprintf(root, sizeof root, "%s/in", folder);
    (void)snprintf(base, sizeof base, "%s/in/base", folder);
    const char *const roots[] = {"/nonexistent", root, NULL};
    assert_int_equal(hg_file_scope_new(base, roots, &scope, NULL), HG_OK);
    return 0;
}

static int remove_tree(void **state)
{
    hg_file_scope_free(scope);
    return remove_folder(state);
}

static void assert_opens(const char *path, const char *content)
{
    int fd = -1;
    char text[64] = "";
    assert_int_equal(hg_file_scope_open(scope, path, &fd, NULL), HG_OK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    assert_string_equal(text, content);
    (void)close(fd);
}

static void assert_refused(const char *path, int code)
{
    int fd = -1;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_file_scope_open(scope, path, &fd, &err), code);
    assert_int_equal(fd, -1);
    assert_int_equal(err.code, code);
    assert_true(err.message[0]);
}

static void test_open(void **state)
{
    (void)state;
    assert_opens("a.csv", "in/base/a.csv");
    assert_opens("./sub/../sub/c.csv", "in/base/sub/c.csv");
    assert_opens("../x.csv", "in/x.csv");
    assert_opens("link.csv", "in/x.csv");
    assert_opens(temp_path(folder, "in/x.csv"), "in/x.csv");
}

static void test_open_refuses(void **state)
{
    (void)state;
    assert_refused("../../out/secret.csv", HG_EFORBIDDEN);
    assert_refused(temp_path(folder, "out/secret.csv"), HG_EFORBIDDEN);
    assert_refused("leak.txt", HG_EFORBIDDEN);
    assert_refused("door/secret.csv", HG_EFORBIDDEN);
    /* A folder whose name begins like the root's. */
    assert_refused(temp_path(folder, "inner/secret.csv"), HG_EFORBIDDEN);
    assert_refused("/etc/passwd", HG_EFORBIDDEN);
    assert_refused("/proc/self/environ", HG_EFORBIDDEN);
    /* Whether something exists elsewhere is not told. */
    assert_refused(temp_path(folder, "out/none.csv"), HG_EFORBIDDEN);
    assert_refused("/nonexistent/none.csv", HG_EFORBIDDEN);
    assert_refused("door/none.csv", HG_EFORBIDDEN);
    assert_refused("none.csv", HG_ENOTFOUND);
    assert_refused("none/none/none.csv", HG_ENOTFOUND);
    assert_refused("sub", HG_EINVAL);
    assert_refused("pipe", HG_EINVAL);
    struct hg_error err = HG_ERROR_INIT;
    int fd;
    hg_file_scope_open(scope, "/etc/passwd", &fd, &err);
    assert_non_null(strstr(err.hint, "files.roots"));
}

static void test_no_roots(void **state)
{
    (void)state;
    struct hg_file_scope *none;
    int fd = -1;
    assert_int_equal(hg_file_scope_new("/", NULL, &none, NULL), HG_OK);
    assert_int_equal(hg_file_scope_open(none, "/etc/passwd", &fd, NULL), HG_EFORBIDDEN);
    hg_file_scope_free(none);
}

static hg_status collect(void *arg, const struct hg_file_match *match, struct hg_error *err)
{
    (void)err;
    assert_int_equal(match->struct_size, sizeof *match);
    assert_true(match->size_bytes > 0);
    assert_true(match->mtime_ms > 0);
    assert_int_equal(strncmp(match->path, folder, strlen(folder)), 0);
    hg_buf_printf(arg, "%s ", match->path + strlen(folder) + 1);
    return HG_OK;
}

static void assert_glob(const char *pattern, int code, const char *found)
{
    struct hg_buf buf = HG_BUF_INIT;
    const struct hg_file_sink sink = {sizeof sink, &buf, collect};
    assert_int_equal(hg_file_scope_glob(scope, pattern, &sink, NULL), code);
    assert_string_equal(hg_buf_text(&buf), found);
    hg_buf_free(&buf);
}

static void test_glob(void **state)
{
    (void)state;
    assert_glob("*.csv", HG_OK, "in/base/a.csv in/base/a[1].csv in/base/b.csv in/base/link.csv ");
    assert_glob("*/*.csv", HG_EFORBIDDEN, "");
    assert_glob("sub/*", HG_OK, "in/base/sub/c.csv ");
    assert_glob("a.csv", HG_OK, "in/base/a.csv ");
    /* A name with wildcards in it that is there as it stands. */
    assert_glob("a[1].csv", HG_OK, "in/base/a[1].csv ");
    assert_glob("[ab].csv", HG_OK, "in/base/a.csv in/base/b.csv ");
    assert_glob("*.json", HG_OK, "");
    assert_glob("none.csv", HG_OK, "");
    assert_glob("none/*.csv", HG_OK, "");
    assert_glob("*", HG_EFORBIDDEN, "in/base/a.csv in/base/a[1].csv in/base/b.csv ");
    assert_glob("../../out/*", HG_EFORBIDDEN, "");
    assert_glob("/etc/*", HG_EFORBIDDEN, "");
    assert_glob("/etc/passwd", HG_EFORBIDDEN, "");
}

static hg_status refuse(void *arg, const struct hg_file_match *match, struct hg_error *err)
{
    (void)arg;
    (void)match;
    return hg_error_set(err, HG_ECANCELLED, "enough");
}

static void test_glob_stops_when_told(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_file_sink sink = {sizeof sink, NULL, refuse};
    assert_int_equal(hg_file_scope_glob(scope, "*.csv", &sink, &err), HG_ECANCELLED);
    assert_string_equal(err.message, "enough");
}

static void test_temporary_file(void **state)
{
    (void)state;
    int fd = -1;
    struct stat st;
    setenv("TMPDIR", folder, 1);
    assert_int_equal(hg_file_open_temp(&fd, NULL), HG_OK);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
    setenv("TMPDIR", temp_path(folder, "none"), 1);
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_file_open_temp(&fd, &err), HG_ENOTFOUND);
    assert_non_null(strstr(err.message, "cannot make a temporary file"));
    unsetenv("TMPDIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_no_roots),
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_glob_stops_when_told),
        cmocka_unit_test(test_temporary_file),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
