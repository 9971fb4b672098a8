/*
 * The files of logs: lines, their index, their archive, and what a crash leaves of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/io.h"
#include "base/mem.h"
#include "joblog/logfile_archive.h"
#include "joblog/logfile_read.h"
#include "joblog/logfile_write.h"
#include "scratch.h"

enum { LINE_MAX_BYTES = 160 };

static char folder[HG_SCRATCH_BYTES];
static char log_path[128];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(log_path, sizeof log_path, "%s", "");
    if (hg_scratch_make("logfile", folder) != 0) {
        return -1;
    }
    (void)snprintf(log_path, sizeof log_path, "%s/run/load.1.jsonl", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return hg_scratch_remove(folder);
}

static void must(int r, const struct hg_error *err)
{
    if (r != HG_OK) {
        fail_msg("%s", err->message);
    }
}

static const char *path_with(const char *suffix)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s%s", log_path, suffix);
    return path;
}

static int64_t size_of(const char *suffix)
{
    struct stat info;
    return stat(path_with(suffix), &info) == 0 ? info.st_size : -1;
}

static const char *level_of(int64_t i)
{
    return i % 1000 == 999 ? "error" : i % 100 == 99 ? "warning" : "info";
}

static size_t put_line(char ret[LINE_MAX_BYTES], int64_t i)
{
    return (size_t)snprintf(ret,
                            LINE_MAX_BYTES,
                            "{\"at\":\"2026-01-01T00:00:00.000Z\",\"level\":\"%s\",\"message\":"
                            "\"line %lld of the log\"}\n",
                            level_of(i),
                            (long long)i);
}

static void write_lines(struct hg_logfile_writer *writer, int64_t from, int64_t to)
{
    struct hg_error err = HG_ERROR_INIT;
    char line[LINE_MAX_BYTES];
    for (int64_t i = from; i < to; i++) {
        size_t n = put_line(line, i);
        must(hg_logfile_append(writer, line, n, &err), &err);
    }
}

static void write_log(int64_t n)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    must(hg_logfile_writer_open(&writer, log_path, &err), &err);
    write_lines(&writer, 0, n);
    hg_logfile_writer_seal(&writer);
    hg_logfile_writer_close(&writer);
}

/* Every line is there once, each block says truly what is in it. */
static void assert_log(int64_t n)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile file;
    HG_CLEANUP(hg_buf_free) struct hg_buf lines = HG_BUF_INIT;
    must(hg_logfile_open(log_path, &file, &err), &err);
    int64_t i = 0;
    int64_t offset = 0;
    for (size_t b = 0; b < file.index.n; b++) {
        const struct hg_logfile_block *block = &file.index.blocks[b];
        uint32_t n_of_level[HG_LOGFILE_LEVELS] = {0};
        uint32_t n_lines = 0;
        must(hg_logfile_block_lines(&file, b, &lines, &err), &err);
        assert_int_equal(block->offset, offset);
        assert_int_equal(block->line, i);
        assert_int_equal(block->n_bytes, lines.len);
        for (size_t at = 0; at < lines.len; n_lines++, i++) {
            char expected[LINE_MAX_BYTES];
            size_t n_line = put_line(expected, i);
            assert_true(at + n_line <= lines.len);
            assert_memory_equal(lines.data + at, expected, n_line);
            n_of_level[hg_logfile_level_of(expected, n_line) - HG_LOG_DEBUG]++;
            at += n_line;
        }
        assert_int_equal(block->n_lines, n_lines);
        assert_memory_equal(block->n_of_level, n_of_level, sizeof n_of_level);
        offset += block->n_bytes;
    }
    hg_logfile_close(&file);
    assert_int_equal(i, n);
}

static void archive_log(void)
{
    struct hg_error err = HG_ERROR_INIT;
    struct stat of;
    must(hg_logfile_archive_make(log_path, &of, &err), &err);
    must(hg_logfile_archive_place(log_path, &of, &err), &err);
}

static void test_a_log_and_its_archive_have_the_same_lines(void **state)
{
    static const int64_t counts[] = {1, 2, 700, 5000, 100000};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(counts); i++) {
        write_log(counts[i]);
        assert_log(counts[i]);
        int64_t n_plain = size_of("");
        archive_log();
        assert_int_equal(size_of(""), -1);
        assert_int_equal(size_of(".idx"), -1);
        assert_log(counts[i]);
        if (counts[i] >= 5000) {
            assert_true(size_of(".gz") * 5 < n_plain);
        }
        assert_int_equal(unlink(path_with(".gz")), 0);
        assert_int_equal(unlink(path_with(".gz.idx")), 0);
    }
}

/* `zcat` reads an archive. */
static void test_an_archive_is_gzip(void **state)
{
    char line[LINE_MAX_BYTES];
    char expected[LINE_MAX_BYTES];
    int64_t n = 0;
    (void)state;
    write_log(3000);
    archive_log();
    gzFile file = gzopen(path_with(".gz"), "rb");
    assert_non_null(file);
    while (gzgets(file, line, sizeof line)) {
        (void)put_line(expected, n++);
        assert_string_equal(line, expected);
    }
    assert_int_equal(gzclose(file), Z_OK);
    assert_int_equal(n, 3000);
}

/* The bytes that this process has read so far, of whatever file. */
static int64_t bytes_read(void)
{
    char text[512] = "";
    HG_CLEANUP(hg_closep) int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    assert_memory_equal(text, "rchar: ", 7);
    return strtoll(text + 7, NULL, 10);
}

/* However long a log is: its index and one block. */
static void assert_middle_costs_little(int64_t line)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile file;
    char expected[LINE_MAX_BYTES];
    HG_CLEANUP(hg_buf_free) struct hg_buf lines = HG_BUF_INIT;
    int64_t before = bytes_read();
    must(hg_logfile_open(log_path, &file, &err), &err);
    size_t b = hg_logfile_index_of_line(&file.index, line);
    must(hg_logfile_block_lines(&file, b, &lines, &err), &err);
    int64_t cost = bytes_read() - before;
    size_t n_line = put_line(expected, line);
    assert_non_null(memmem(lines.data, lines.len, expected, n_line));
    assert_int_equal(hg_logfile_index_of_offset(&file.index, file.index.blocks[b].offset), b);
    int64_t n_index = (int64_t)(file.index.n * sizeof file.index.blocks[0]);
    assert_in_range(cost, 1, n_index + 3 * (HG_LOGFILE_BLOCK_BYTES + 4096));
    hg_logfile_close(&file);
}

static void test_the_middle_of_a_million_lines(void **state)
{
    enum { N = 1000000 };
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    (void)state;
    must(hg_logfile_writer_open(&writer, log_path, &err), &err);
    write_lines(&writer, 0, N);
    assert_middle_costs_little(N / 2); /* while it grows */
    assert_middle_costs_little(N - 1);
    hg_logfile_writer_seal(&writer);
    hg_logfile_writer_close(&writer);
    archive_log();
    assert_middle_costs_little(N / 2);
    assert_middle_costs_little(0);
    assert_middle_costs_little(N - 1);
}

static void cut_file(const char *suffix, int64_t n)
{
    assert_int_equal(chmod(path_with(suffix), 0640), 0);
    assert_int_equal(truncate(path_with(suffix), n), 0);
}

static void spoil(const char *suffix, int64_t at)
{
    assert_int_equal(chmod(path_with(suffix), 0640), 0);
    HG_CLEANUP(hg_closep) int fd = open(path_with(suffix), O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, at), 4);
}

/* Wherever a crash cut the index, or the disk gave back something else. */
static void test_a_torn_index_is_made_anew(void **state)
{
    enum { N = 5000 };
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    (void)state;
    write_log(N);
    int64_t n_index = size_of(".idx");
    assert_int_equal(n_index % (int64_t)sizeof(struct hg_logfile_block), 0);
    assert_true(n_index >= 4 * (int64_t)sizeof(struct hg_logfile_block));
    for (int64_t n = n_index - 1; n >= 0; n -= 13) {
        cut_file(".idx", n);
        assert_log(N);
        must(hg_logfile_writer_open(&writer, log_path, &err), &err);
        hg_logfile_writer_close(&writer);
        assert_int_equal(size_of(".idx"), n_index);
        assert_log(N);
    }
    for (int64_t at = 0; at < n_index; at += 17) {
        spoil(".idx", at);
        assert_log(N);
        must(hg_logfile_writer_open(&writer, log_path, &err), &err);
        hg_logfile_writer_close(&writer);
    }
    assert_int_equal(unlink(path_with(".idx")), 0);
    assert_log(N);
    archive_log();
    assert_log(N);
    int64_t n_archive_index = size_of(".gz.idx");
    cut_file(".gz.idx", n_archive_index - 60);
    assert_log(N);
    assert_int_equal(size_of(".gz.idx"), n_archive_index);
    spoil(".gz.idx", 8);
    assert_log(N);
    assert_int_equal(unlink(path_with(".gz.idx")), 0);
    assert_log(N);
    assert_int_equal(size_of(".gz.idx"), n_archive_index);
}

/* A line that was being written when the host died is taken off; the next one begins a line. */
static void test_a_torn_line(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    char line[LINE_MAX_BYTES];
    (void)state;
    for (int64_t n = 0; n < 2000; n += 999) {
        write_log(n);
        assert_int_equal(chmod(log_path, 0640), 0);
        int64_t whole = size_of("");
        size_t n_line = put_line(line, n);
        HG_CLEANUP(hg_closep) int fd = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
        must(hg_write_all(fd, line, n_line / 2, &err), &err);
        assert_log(n);
        must(hg_logfile_writer_open(&writer, log_path, &err), &err);
        assert_int_equal(size_of(""), whole);
        write_lines(&writer, n, n + 1);
        hg_logfile_writer_close(&writer);
        assert_log(n + 1);
        assert_int_equal(unlink(log_path), 0);
        (void)unlink(path_with(".idx"));
    }
}

static void test_more_after_the_end(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    char line[LINE_MAX_BYTES];
    struct stat info;
    HG_CLEANUP(hg_buf_free) struct hg_buf last = HG_BUF_INIT;
    (void)state;
    write_log(3000);
    archive_log();
    for (int64_t i = 3000; i < 3003; i++) {
        size_t n = put_line(line, i);
        must(hg_logfile_archive_append(log_path, line, n, &err), &err);
        assert_log(i + 1);
        must(hg_logfile_last_line(log_path, &last, &err), &err);
        line[n - 1] = '\0';
        assert_string_equal(last.data, line);
    }
    assert_int_equal(stat(path_with(".gz"), &info), 0);
    assert_true(hg_logfile_is_sealed(info.st_mode));
}

/* A host died while it added a line: the next one stands in its place. */
static void test_more_after_a_torn_end(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    char line[LINE_MAX_BYTES];
    (void)state;
    write_log(3000);
    archive_log();
    size_t n = put_line(line, 3000);
    int64_t n_before = size_of(".gz");
    must(hg_logfile_archive_append(log_path, line, n, &err), &err);
    for (int64_t n_torn = size_of(".gz") - 1; n_torn > n_before; n_torn -= 7) {
        cut_file(".gz", n_torn);
        assert_log(3000);
        must(hg_logfile_archive_append(log_path, line, n, &err), &err);
        assert_log(3001);
    }
}

/* A line that comes when the archive is made and not in its place yet. */
static void test_more_while_it_is_archived(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    struct stat of;
    (void)state;
    write_log(3000);
    must(hg_logfile_archive_make(log_path, &of, &err), &err);
    must(hg_logfile_writer_open(&writer, log_path, &err), &err);
    write_lines(&writer, 3000, 3001);
    hg_logfile_writer_close(&writer);
    assert_int_equal(hg_logfile_archive_place(log_path, &of, &err), HG_ECONFLICT);
    assert_int_equal(size_of(".gz.tmp"), -1);
    assert_int_equal(size_of(".gz"), -1);
    assert_log(3001);
    archive_log();
    assert_int_equal(size_of(""), -1);
    assert_log(3001);
}

static void test_a_broken_archive(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile file;
    HG_CLEANUP(hg_buf_free) struct hg_buf lines = HG_BUF_INIT;
    (void)state;
    write_log(3000);
    archive_log();
    must(hg_logfile_open(log_path, &file, &err), &err);
    int64_t second = file.index.blocks[1].stored;
    hg_logfile_close(&file);
    spoil(".gz", second + 40);
    must(hg_logfile_open(log_path, &file, &err), &err);
    must(hg_logfile_block_lines(&file, 0, &lines, &err), &err);
    assert_int_equal(hg_logfile_block_lines(&file, 1, &lines, &err), HG_EINVAL);
    must(hg_logfile_block_lines(&file, 2, &lines, &err), &err);
    hg_logfile_close(&file);
}

/* Whatever is written when the disk is full: whole lines stay, and it goes on when there is room.
 */
static void test_a_full_disk(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    struct rlimit usual;
    char line[LINE_MAX_BYTES];
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    must(hg_logfile_writer_open(&writer, log_path, &err), &err);
    write_lines(&writer, 0, 1500);
    const struct rlimit full = {(rlim_t)writer.n_file + 30, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    for (int i = 0; i < 3; i++) {
        size_t n = put_line(line, 1500);
        assert_true(hg_logfile_append(&writer, line, n, &err) < 0);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_log(1500);
    write_lines(&writer, 1500, 3000);
    hg_logfile_writer_close(&writer);
    assert_log(3000);
}

#define LOGFILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGFILE_TEST(test_a_log_and_its_archive_have_the_same_lines),
        LOGFILE_TEST(test_an_archive_is_gzip),
        LOGFILE_TEST(test_the_middle_of_a_million_lines),
        LOGFILE_TEST(test_a_torn_index_is_made_anew),
        LOGFILE_TEST(test_a_torn_line),
        LOGFILE_TEST(test_more_after_the_end),
        LOGFILE_TEST(test_more_after_a_torn_end),
        LOGFILE_TEST(test_more_while_it_is_archived),
        LOGFILE_TEST(test_a_broken_archive),
        LOGFILE_TEST(test_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
