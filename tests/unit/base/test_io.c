/* Files, descriptors, the log. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "scratch.h"

static char folder[HG_SCRATCH_BYTES];

static int make_folder(void **state)
{
    (void)state;
    return hg_scratch_make("io", folder);
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *in_folder(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void files_come_back_as_written(void **state)
{
    (void)state;
    const char *path = in_folder("a");
    assert_int_equal(hg_write_file(path, 0600, "x\0y", 3, NULL), HG_OK);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(hg_read_file(path, 3, &text, &n, NULL), HG_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "x\0y", 4);
    free(text);
    text = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_read_file(path, 2, &text, &n, &err), HG_ETOOBIG);
    assert_null(text);
    assert_non_null(strstr(err.message, "is larger than 2 bytes"));
    assert_int_equal(hg_write_file(path, 0600, "", 0, NULL), HG_OK);
    assert_int_equal(hg_read_file(path, 0, &text, &n, NULL), HG_OK);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(access(in_folder("a.new"), F_OK), -1);
    assert_int_equal(unlink(in_folder("a")), 0);
}

static void says_which_file_fails(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(hg_read_file("/nowhere/x", 10, &text, &n, &err), HG_ENOTFOUND);
    assert_string_equal(err.message, "cannot open \"/nowhere/x\": No such file or directory");
    assert_true(hg_read_file(folder, 10, &text, &n, &err) < 0);
    assert_int_equal(hg_write_file("/nowhere/x", 0600, "", 0, &err), HG_ENOTFOUND);
    char lengthy[5000];
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_int_equal(hg_write_file(lengthy, 0600, "", 0, &err), HG_EINVAL);
    assert_int_equal(hg_make_folders(lengthy, 0700, &err), HG_EINVAL);
    assert_null(text);
}

static void does_not_write_through_a_link(void **state)
{
    (void)state;
    char target[256];
    (void)snprintf(target, sizeof target, "%s", in_folder("target"));
    assert_int_equal(symlink(target, in_folder("a.new")), 0);
    assert_true(hg_write_file(in_folder("a"), 0600, "x", 1, NULL) < 0);
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(unlink(in_folder("a.new")), 0);
}

static void makes_folders_above(void **state)
{
    (void)state;
    assert_int_equal(hg_make_folders(in_folder("p/q//r/"), 0700, NULL), HG_OK);
    assert_int_equal(hg_make_folders(in_folder("p/q/r"), 0700, NULL), HG_OK);
    assert_int_equal(rmdir(in_folder("p/q/r")) | rmdir(in_folder("p/q")) | rmdir(in_folder("p")),
                     0);
    assert_int_equal(hg_write_file(in_folder("f"), 0600, "", 0, NULL), HG_OK);
    assert_true(hg_make_folders(in_folder("f/g"), 0700, NULL) < 0);
    assert_int_equal(unlink(in_folder("f")), 0);
}

enum { PIPED = 1000000 };

static void *write_piped(void *arg)
{
    static char bytes[PIPED];
    memset(bytes, 'p', sizeof bytes);
    int fd = *(int *)arg;
    int r = hg_write_all(fd, bytes, sizeof bytes, NULL);
    (void)close(fd);
    return r == HG_OK ? NULL : arg;
}

static void reads_and_writes_whole(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_piped, &fds[1]), 0);
    char *bytes = malloc(PIPED);
    assert_non_null(bytes);
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_read_exact(fds[0], bytes, PIPED - 2, &err), HG_OK);
    assert_int_equal(bytes[PIPED - 3], 'p');
    assert_int_equal(hg_read_exact(fds[0], bytes, 5, &err), HG_EDATA);
    assert_string_equal(err.message, "the other side closed after 2 of 5 bytes");
    assert_int_equal(hg_read_exact(fds[0], bytes, 5, &err), HG_EUNAVAILABLE);
    void *failed = NULL;
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    free(bytes);
    (void)close(fds[0]);
    assert_true(hg_write_all(-1, "x", 1, &err) < 0);
    assert_true(hg_read_exact(-1, &fds, 1, &err) < 0);
}

/* The log -------------------------------------------------------------------------------------- */

static int saved_stderr;
static int log_pipe[2];

static void catch_stderr(void)
{
    saved_stderr = dup(STDERR_FILENO);
    assert_int_equal(pipe(log_pipe), 0);
    assert_int_equal(dup2(log_pipe[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(log_pipe[1]);
}

static void give_stderr_back(char *ret_text, size_t room)
{
    assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved_stderr);
    ssize_t n = read(log_pipe[0], ret_text, room - 1);
    ret_text[n > 0 ? n : 0] = '\0';
    (void)close(log_pipe[0]);
}

static void logs_text(void **state)
{
    (void)state;
    char text[2048];
    catch_stderr();
    hg_log_configure(HG_LOG_INFO, false);
    hg_log(HG_LOG_DEBUG, "dropped", NULL);
    hg_log(HG_LOG_WARNING,
           "run \"x\" ended",
           "a",
           "plain",
           "b",
           "two words",
           "c",
           "",
           "d",
           NULL,
           "e",
           "q\"n\n",
           NULL);
    give_stderr_back(text, sizeof text);
    assert_string_equal(
        text + 24, " warning run \"x\" ended a=plain b=\"two words\" c=\"\" e=\"q\\\"n\\n\"\n");
    assert_int_equal(text[23], 'Z');
}

static void logs_json(void **state)
{
    (void)state;
    char text[2048];
    catch_stderr();
    hg_log_configure(HG_LOG_DEBUG, true);
    hg_log(HG_LOG_DEBUG, "m\n", "k", "v\xFF", "none", NULL, NULL);
    give_stderr_back(text, sizeof text);
    hg_log_configure(HG_LOG_INFO, false);
    HG_CLEANUP(hg_json_decrefp) json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    assert_int_equal(json_object_size(line), 4);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
    assert_string_equal(json_string_value(json_object_get(line, "message")), "m\n");
    assert_string_equal(json_string_value(json_object_get(line, "k")), "v\xEF\xBF\xBD");
    assert_int_equal(strlen(json_string_value(json_object_get(line, "at"))), 24);
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void logs_errors_once(void **state)
{
    (void)state;
    char text[2048];
    struct hg_error err = HG_ERROR_INIT;
    (void)hg_error_set(&err, HG_EIO, "disk full");
    catch_stderr();
    hg_log_error("cannot save", &err);
    (void)hg_error_hint(&err, "Make room.");
    hg_log_error("cannot save", &err);
    give_stderr_back(text, sizeof text);
    assert_non_null(strstr(text,
                           "error   cannot save error=\"disk full\" "
                           "code=io_failed\n"));
    assert_non_null(strstr(text, "hint=\"Make room.\"\n"));
}

static void knows_levels(void **state)
{
    (void)state;
    int level = 42;
    assert_int_equal(hg_log_level_parse("warning", &level, NULL), HG_OK);
    assert_int_equal(level, HG_LOG_WARNING);
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_log_level_parse("loud", &level, &err), HG_EINVAL);
    assert_int_equal(level, HG_LOG_WARNING);
    assert_string_equal(err.message, "\"loud\" is not a log level: debug, info, warning, error");
    assert_string_equal(hg_log_level_name(HG_LOG_ERROR), "error");
    assert_string_equal(hg_log_level_name(99), "info");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_back_as_written),
        cmocka_unit_test(says_which_file_fails),
        cmocka_unit_test(does_not_write_through_a_link),
        cmocka_unit_test(makes_folders_above),
        cmocka_unit_test(reads_and_writes_whole),
        cmocka_unit_test(logs_text),
        cmocka_unit_test(logs_json),
        cmocka_unit_test(logs_errors_once),
        cmocka_unit_test(knows_levels),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
