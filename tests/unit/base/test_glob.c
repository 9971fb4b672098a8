/* Patterns of files where folders cannot be read: "none" and "nobody can say" are not the same. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/glob.h"
#include "base/io.h"
#include "scratch.h"

static char folder[HG_SCRATCH_BYTES];

/* What goes wrong, and how often it goes well before; 0: nothing does. */
static struct {
    int opendir;
    int readdir;
    int lstat;
    int n_good;
} faults;

static bool fails(int number)
{
    if (number == 0 || faults.n_good-- > 0) {
        return false;
    }
    errno = number;
    return true;
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
struct dirent *__real_readdir(DIR *opened);
struct dirent *__wrap_readdir(DIR *opened);
int __real_lstat(const char *path, struct stat *ret);
int __wrap_lstat(const char *path, struct stat *ret);
int __real_stat(const char *path, struct stat *ret);
int __wrap_stat(const char *path, struct stat *ret);

DIR *__wrap_opendir(const char *path)
{
    return fails(faults.opendir) ? NULL : __real_opendir(path);
}

struct dirent *__wrap_readdir(DIR *opened)
{
    return fails(faults.readdir) ? NULL : __real_readdir(opened);
}

int __wrap_lstat(const char *path, struct stat *ret)
{
    return fails(faults.lstat) ? -1 : __real_lstat(path, ret);
}

int __wrap_stat(const char *path, struct stat *ret)
{
    return fails(faults.lstat) ? -1 : __real_stat(path, ret);
}

static int make_files(void **state)
{
    char path[HG_SCRATCH_BYTES + 16];
    (void)state;
    int r = hg_scratch_make("glob", folder);
    for (char name = 'a'; r == 0 && name <= 'e'; name++) {
        (void)snprintf(path, sizeof path, "%s/%c", folder, name);
        r = mkdir(path, 0700);
        (void)snprintf(path, sizeof path, "%s/%c/x.yaml", folder, name);
        r = r < 0 ? r : hg_write_file(path, 0600, "x", 1, NULL);
    }
    return r;
}

static int remove_files(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    return hg_scratch_remove(folder);
}

/* How many files fit, or the error. */
static int count(const char *pattern)
{
    char path[HG_SCRATCH_BYTES + 32];
    glob_t found = {0};
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(path, sizeof path, "%s/%s", folder, pattern);
    int r = hg_glob(path, &found, &err);
    r = r < 0 ? r : (int)found.gl_pathc;
    if (r < 0) {
        assert_non_null(strstr(err.message, "cannot tell the files of"));
    }
    globfree(&found);
    return r;
}

static void what_is_there_is_found(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    assert_int_equal(count("*"), 5);
    assert_int_equal(count("*/x.yaml"), 5);
    assert_int_equal(count("[ab]/*.yaml"), 2);
    assert_int_equal(count("a/x.yaml"), 1);
    assert_int_equal(count("none/*.yaml"), 0);
    assert_int_equal(count("none"), 0);
    assert_int_equal(count("a/x.yaml/*"), 0);
}

static void patterns_add_up(void **state)
{
    char path[2][HG_SCRATCH_BYTES + 32];
    glob_t found = {0};
    (void)state;
    memset(&faults, 0, sizeof faults);
    (void)snprintf(path[0], sizeof path[0], "%s/none*", folder);
    (void)snprintf(path[1], sizeof path[1], "%s/[abc]", folder);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(hg_glob(path[i % 2], &found, NULL), HG_OK);
    }
    assert_int_equal(found.gl_pathc, 6);
    globfree(&found);
}

/* At the first entry and at each later one, in the outer folder and in those below. */
static void an_error_half_way_is_one(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        memset(&faults, 0, sizeof faults);
        faults.readdir = EIO;
        faults.n_good = i;
        assert_true(count("*/*.yaml") < 0);
    }
}

static void a_folder_that_cannot_be_opened(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        memset(&faults, 0, sizeof faults);
        faults.opendir = i % 2 ? EACCES : EMFILE;
        faults.n_good = i;
        assert_true(count("*/*.yaml") < 0);
    }
    memset(&faults, 0, sizeof faults);
    faults.opendir = ENOENT; /* it went meanwhile */
    faults.n_good = 2;
    assert_int_equal(count("*/*.yaml"), 1);
}

static void a_file_that_cannot_be_looked_at(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    faults.lstat = EACCES;
    assert_true(count("a/x.yaml") < 0);
    faults.n_good = 2;
    assert_true(count("*/x.yaml") < 0);
    memset(&faults, 0, sizeof faults);
    faults.lstat = ENOENT;
    assert_int_equal(count("a/x.yaml"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_found),
        cmocka_unit_test(patterns_add_up),
        cmocka_unit_test(an_error_half_way_is_one),
        cmocka_unit_test(a_folder_that_cannot_be_opened),
        cmocka_unit_test(a_file_that_cannot_be_looked_at),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
