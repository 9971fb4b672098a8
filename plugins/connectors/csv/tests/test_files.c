/* Files: which are read, what is kept of it, what cannot be read, and stopping. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_host.h"

#define A "\"a\":\"int64\""

static void write_text(struct fake *fake, const char *name, const char *text)
{
    fake_write(fake, name, text, strlen(text));
}

static char *join(struct fake *fake, const char *list)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    for (const char *p = list; *p; p++) {
        if (*p == '@') {
            fprintf(out, "%s/", fake->dir);
        } else {
            fputc(*p, out);
        }
    }
    fclose(out);
    return text;
}

/* Reads `path` ('@' stands for the folder in a list) and expects rows or, in a failure, words. */
static void expect(struct fake *fake,
                   const char *path,
                   const char *columns,
                   const char *more,
                   const char *state,
                   const char *rows,
                   const char *words)
{
    char *list = join(fake, path);
    char *config = fake_config(fake, list, columns, more);
    char *given = state ? strdup(state) : NULL;
    fake_clear(fake);
    char *found = fake_read(fake, config, given, 2, true);
    if (rows) {
        assert_string_equal(found ? found : fake->err.message, rows);
    } else {
        assert_null(found);
        if (!strstr(fake->err.message, words)) {
            fail_msg("\"%s\" expected, \"%s\" found", words, fake->err.message);
        }
    }
    free(found);
    free(given);
    free(config);
    free(list);
}

static void test_globs(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    write_text(&fake, "b.csv", "a\n2\n");
    write_text(&fake, "a.csv", "x,a\n9,1\n");
    write_text(&fake, "c.txt", "a\n3\n");
    expect(&fake, "*.csv", A, "", NULL, "1|a.csv:2\n2|b.csv:2\n", NULL);
    expect(&fake, "[\"@c.txt\",\"@*\"]", A, "", NULL, "3|c.txt:2\n1|a.csv:2\n2|b.csv:2\n", NULL);
    expect(&fake, "none.csv", A, "", NULL, NULL, "there is no file");
    assert_int_equal(fake.err.code, HG_ENOTFOUND);
    assert_string_equal(fake.err.pointer, "/path");
    expect(&fake, "*.none", A, "", NULL, NULL, "no file matches");
    /* The second file lacks the column. */
    write_text(&fake, "c.csv", "b\n3\n");
    expect(&fake, "*.csv", A, "", NULL, NULL, "c.csv:1: the header has no field \"a\"; found: b");
    fake_done(&fake);
}

static void test_unreadable(void **state)
{
    (void)state;
    struct fake fake;
    char path[128];
    fake_init(&fake);
    snprintf(path, sizeof path, "%s/dir", fake.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    expect(&fake, "dir", A, "", NULL, NULL, "dir: is a folder, not a file");
    snprintf(path, sizeof path, "%s/link.csv", fake.dir);
    assert_int_equal(symlink("/proc/self/mem", path), 0);
    expect(&fake, "link.csv", A, "", NULL, NULL, "link.csv: cannot be read: Input/output error");
    fake.no_file = true;
    expect(&fake, "dir", A, "", NULL, NULL, "the host does not offer headgate.file/1");
    fake.no_file = false;
    fake_done(&fake);
}

static void test_gzip_by_hand(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    write_text(&fake, "t.csv", "a\n1\n");
    expect(&fake,
           "t.csv",
           A,
           ",\"compression\":\"gzip\"",
           NULL,
           NULL,
           "t.csv: the gzip data is broken near byte 0: it is not gzip");
    expect(&fake,
           "t.csv",
           A,
           ",\"compression\":\"zstd\"",
           NULL,
           NULL,
           "t.csv: the zstd data is broken near byte");
    write_text(&fake, "t.csv", "");
    expect(&fake, "t.csv", A, ",\"compression\":\"gzip\"", NULL, NULL, "is cut off after 0 bytes");
    expect(&fake, "t.csv", A, ",\"compression\":\"zstd\"", NULL, NULL, "is cut off after 0 bytes");
    fake_done(&fake);
}

/* ------------------------------------------------------------------------------------------ */
/* Files that were read before                                                                  */
/* ------------------------------------------------------------------------------------------ */

#define NEW ",\"files\":\"new\""

static void test_only_new(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    expect(&fake, "*.csv", A, NEW, NULL, "", NULL);
    assert_string_equal(fake.state, "{\"files\":{}}");
    write_text(&fake, "a.csv", "a\n1\n2\n3\n");
    write_text(&fake, "b \"q\".csv", "a\n4\n");
    expect(
        &fake, "*.csv", A, NEW, NULL, "1|a.csv:2\n2|a.csv:3\n3|a.csv:4\n4|b \"q\".csv:2\n", NULL);
    assert_null(strstr(fake.state, "current"));
    char *first = strdup(fake.state);
    expect(&fake, "*.csv", A, NEW, first, "", NULL);
    assert_string_equal(fake.state, first);
    write_text(&fake, "c.csv", "a\n5\n");
    expect(&fake, "*.csv", A, NEW, first, "5|c.csv:2\n", NULL);
    char *second = strdup(fake.state);
    /* A changed file is left out, and that is said. */
    write_text(&fake, "a.csv", "a\n1\n2\n3\n9\n");
    expect(&fake, "*.csv", A, NEW, second, "", NULL);
    assert_non_null(strstr(fake.log, "W a.csv has changed since it was read and is left out"));
    expect(&fake,
           "*.csv",
           A,
           NEW ",\"changed_files\":\"fail\"",
           second,
           NULL,
           "a.csv has changed since it was read");
    /* All files are read whatever the state says, and none is put. */
    expect(&fake,
           "*.csv",
           A,
           "",
           second,
           "1|a.csv:2\n2|a.csv:3\n3|a.csv:4\n9|a.csv:5\n4|b \"q\".csv:2\n5|c.csv:2\n",
           NULL);
    assert_null(fake.state);
    fake.no_state = true;
    expect(&fake, "*.csv", A, NEW, NULL, NULL, "the host does not offer headgate.state/1");
    fake.no_state = false;
    fake.fail_state_at = 2;
    expect(&fake, "*.csv", A, NEW, NULL, NULL, "the state cannot be kept");
    fake.fail_state_at = 0;
    free(first);
    free(second);
    fake_done(&fake);
}

/* Two years of a file each half hour: more than 1 MiB of names. */
static void test_many_files_read_before(void **state)
{
    (void)state;
    enum { N = 35000, ENTRY_BYTES = 64 };
    char *before = malloc((size_t)N * ENTRY_BYTES + ENTRY_BYTES);
    assert_non_null(before);
    size_t n = (size_t)snprintf(before, ENTRY_BYTES, "{\"files\":{");
    for (int i = 0; i < N; i++) {
        n += (size_t)snprintf(before + n,
                              ENTRY_BYTES,
                              "%s\"/data/feed/%07d.csv\":[12,1700000000000]",
                              i ? "," : "",
                              i);
    }
    (void)snprintf(before + n, ENTRY_BYTES, "}}");
    struct fake fake;
    fake_init(&fake);
    write_text(&fake, "new.csv", "a\n1\n");
    expect(&fake, "*.csv", A, NEW, before, "1|new.csv:2\n", NULL);
    assert_true(strlen(fake.state) > strlen(before));
    fake_done(&fake);
    free(before);
}

static void test_bad_states(void **state)
{
    (void)state;
    static const char *const bad[] = {"7",
                                      "[]",
                                      "{\"x\":1}",
                                      "{\"files\":[]}",
                                      "{\"files\":{\"a\":1}}",
                                      "{\"files\":{\"a\":[1]}}",
                                      "{\"files\":{\"a\":[1,2,3]}}",
                                      "{\"current\":{}}",
                                      "{\"current\":{\"path\":7}}",
                                      "{\"current\":{\"path\":\"a\",\"rows\":-1}}",
                                      "{\"current\":{\"path\":\"a\",\"path\":\"b\"}}"};
    struct fake fake;
    fake_init(&fake);
    write_text(&fake, "a.csv", "a\n1\n");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(&fake, "a.csv", A, NEW, bad[i], NULL, "the stored state is none of this source");
    }
    expect(&fake, "a.csv", A, NEW, "{\"files\":", NULL, "");
    expect(&fake, "a.csv", A, NEW, "null", "1|a.csv:2\n", NULL);
    expect(&fake,
           "a.csv",
           A,
           NEW,
           "{\"current\":{\"path\":\"gone.csv\",\"size\":1,\"mtime_ms\":1,\"rows\":1}}",
           NULL,
           "gone.csv was read in part and has changed since, or is gone");
    assert_int_equal(fake.err.code, HG_ECONFLICT);
    fake_done(&fake);
}

/* Reads `n` batches, appending their rows to `out`; the state then is in fake->state. */
static void read_some(struct fake *fake, const char *config, const char *state, int n, FILE *out)
{
    void *inst;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_read_request request = {sizeof request, 3, "rows", state};
    assert_int_equal(fake->vtable->open(&fake->host, config, &inst, &err), HG_OK);
    assert_int_equal(fake->vtable->read(inst, &request, &stream, &err), HG_OK);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    for (int i = 0; i < n; i++) {
        struct ArrowArray batch = {0};
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        if (!batch.release) {
            break;
        }
        fake_print_batch(&schema, &batch, false, inst, NULL, out);
        batch.release(&batch);
    }
    schema.release(&schema);
    stream.release(&stream);
    fake->vtable->close(inst);
}

/* From the state of any batch the rest comes, nothing twice, nothing lost, no reject again. */
static void test_resume(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    write_text(&fake, "a.csv", "a\n1\nx\n2\n\n3\n4\ny\n");
    write_text(&fake, "b.csv", "a\n\"5\"\n6\n7\nz\n8\n9\n10");
    write_text(&fake, "c.csv", "a\nw\n");
    char *config = fake_config(&fake, "*.csv", "\"a\":{\"type\":\"int64\",\"required\":true}", NEW);
    const char *all = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    for (int n = 1; n < 6; n++) {
        char *rows = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&rows, &size);
        fake_clear(&fake);
        read_some(&fake, config, NULL, n, out);
        char *kept = strdup(fake.state);
        read_some(&fake, config, kept, 100, out);
        fclose(out);
        assert_string_equal(rows, all);
        /* x, the blank field of a one-column row, y, z, w */
        assert_int_equal(fake.n_rejects, 5);
        assert_null(strstr(fake.state, "current"));
        free(kept);
        free(rows);
    }
    free(config);
    fake_done(&fake);
}

/* ------------------------------------------------------------------------------------------ */
/* The rest of the vtable                                                                       */
/* ------------------------------------------------------------------------------------------ */

static hg_status take_stream(void *arg, const struct hg_stream_info *info, struct hg_error *err)
{
    (void)err;
    char *text = arg;
    int n = snprintf(text, 256, "%s %u", info->name, info->resume);
    for (int64_t i = 0; i < info->schema->n_children; i++) {
        const struct ArrowSchema *s = info->schema->children[i];
        n += snprintf(text + n,
                      (size_t)(256 - n),
                      " %s:%s%s",
                      s->name,
                      s->format,
                      s->flags & ARROW_FLAG_NULLABLE ? "" : "!");
    }
    return HG_OK;
}

static void test_discover(void **state)
{
    (void)state;
    struct fake fake;
    char found[256] = "";
    void *inst;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_discover_sink sink = {sizeof sink, found, take_stream};
    fake_init(&fake);
    write_text(&fake, "t.csv", "z,y,x,w,v,u,t,s\n");
    char *config = fake_config(
        &fake,
        "t.csv",
        "\"s\":\"bool\",\"t\":\"int32\",\"u\":\"int64\",\"v\":\"float64\",\"w\":\"decimal(9,2)\","
        "\"x\":\"utf8\",\"y\":\"date\",\"z\":{\"type\":\"timestamp\",\"required\":true}",
        "");
    assert_int_equal(fake.vtable->open(&fake.host, config, &inst, &err), HG_OK);
    assert_int_equal(fake.vtable->test(inst, &err), HG_OK);
    assert_int_equal(fake.vtable->discover(inst, &sink, &err), HG_OK);
    assert_string_equal(found, "rows 1 z:tsu:UTC! y:tdD x:u w:d:9,2 v:g u:l t:i s:b _hg_pos:l!");
    struct hg_read_request request = {sizeof request, 10, "other", NULL};
    struct ArrowArrayStream stream;
    assert_int_equal(fake.vtable->read(inst, &request, &stream, &err), HG_ENOTFOUND);
    fake.vtable->close(inst);
    free(config);
    config = fake_config(
        &fake, "t.csv", "\"z\":\"timestamp\"", ",\"timezone\":\"none\",\"files\":\"new\"");
    assert_int_equal(fake.vtable->open(&fake.host, config, &inst, &err), HG_OK);
    assert_int_equal(fake.vtable->discover(inst, &sink, &err), HG_OK);
    assert_string_equal(found, "rows 2 z:tsu: _hg_pos:l!");
    assert_null(fake.state);
    fake.vtable->close(inst);
    fake.vtable->close(NULL);
    free(config);
    fake_done(&fake);
}

static void test_rejecting(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    write_text(&fake, "t.csv", "a,b\n1,x\nz,\"raw \"\"text\"\"\"\ny,\n");
    expect(&fake, "t.csv", A, "", NULL, "1|t.csv:2\n", NULL);
    assert_string_equal(fake.raws, "z,\"raw \"\"text\"\"\"\ny,\n");
    fake.fail_reject_at = 2;
    expect(&fake, "t.csv", A, "", NULL, NULL, "the quarantine is full");
    fake.fail_reject_at = 0;
    fake.no_reject = true;
    expect(&fake, "t.csv", A, "", NULL, NULL, "t.csv:3: a: \"z\" is not an int64");
    fake_done(&fake);
}

/* A test takes some bad rows, but not only such. */
static void test_test(void **state)
{
    (void)state;
    static const struct {
        int n_bad;
        hg_status expected;
    } tries[] = {{0, HG_OK}, {99, HG_OK}, {100, HG_EDATA}, {5000, HG_EDATA}};
    struct fake fake;
    fake_init(&fake);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        char *text = NULL;
        size_t n = 0;
        void *inst;
        struct hg_error err = HG_ERROR_INIT;
        FILE *out = open_memstream(&text, &n);
        fputs("a,b\n", out);
        for (int row = 0; row < tries[i].n_bad; row++) {
            fputs("x,\n", out);
        }
        fputs("1,\n", out);
        fclose(out);
        fake_write(&fake, "t.csv", text, n);
        char *config = fake_config(&fake, "t.csv", A, ",\"files\":\"new\"");
        assert_int_equal(fake.vtable->open(&fake.host, config, &inst, &err), HG_OK);
        assert_int_equal(fake.vtable->test(inst, &err), tries[i].expected);
        if (tries[i].expected) {
            assert_string_equal(err.message, "t.csv:101: a: \"x\" is not an int64");
        }
        fake.vtable->close(inst);
        free(config);
        free(text);
    }
    assert_int_equal(fake.n_rejects, 0);
    assert_null(fake.state);
    fake_done(&fake);
}

struct reading {
    struct fake *fake;
    void *inst;
    hg_status status;
    struct hg_error err;
    int code;
};

static void *read_all(void *arg)
{
    struct reading *r = arg;
    struct ArrowArrayStream stream;
    struct hg_read_request request = {sizeof request, 100, NULL, NULL};
    r->status = r->fake->vtable->read(r->inst, &request, &stream, &r->err);
    if (r->status == HG_OK) {
        struct ArrowArray batch = {0};
        r->code = stream.get_next(&stream, &batch);
        stream.release(&stream);
    }
    return NULL;
}

/* A pipe that gives `text` and nothing more, then a cancel: in the header, and in the rows. */
static void check_cancel(const char *text, bool by_host)
{
    struct fake fake;
    struct reading reading = {.fake = &fake, .err = HG_ERROR_INIT};
    char path[128];
    pthread_t thread;
    fake_init(&fake);
    snprintf(path, sizeof path, "%s/pipe.csv", fake.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    char *config = fake_config(&fake, "pipe.csv", A, "");
    assert_int_equal(fake.vtable->open(&fake.host, config, &reading.inst, NULL), HG_OK);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(pthread_create(&thread, NULL, read_all, &reading), 0);
    if (by_host) {
        atomic_store(&fake.cancelled, true);
    } else {
        fake.vtable->cancel(reading.inst);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(reading.status == HG_ECANCELLED || reading.code == ECANCELED);
    close(fd);
    fake.vtable->close(reading.inst);
    free(config);
    fake_done(&fake);
}

static void test_cancel(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        check_cancel("", i == 0);
        check_cancel("a", i == 0);
        check_cancel("a\n1\n2\n", i == 0);
        check_cancel("a\n1\n\"2", i == 0);
    }
}

/* Rows that come through a pipe are read to its end. */
static void test_pipe(void **state)
{
    (void)state;
    struct fake fake;
    char path[128];
    fake_init(&fake);
    snprintf(path, sizeof path, "%s/pipe.csv", fake.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        for (int i = 0; i < 1000; i++) {
            if (write(fd, i == 0 ? "a\n" : "7\n", 2) != 2) {
                _exit(1);
            }
        }
        _exit(0);
    }
    char *config = fake_config(&fake, "pipe.csv", A, "");
    char *rows = fake_read(&fake, config, NULL, 64, false);
    assert_non_null(rows);
    assert_int_equal(strlen(rows), 999 * 2);
    free(rows);
    free(config);
    fake_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_gzip_by_hand),
        cmocka_unit_test(test_only_new),
        cmocka_unit_test(test_many_files_read_before),
        cmocka_unit_test(test_bad_states),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_discover),
        cmocka_unit_test(test_test),
        cmocka_unit_test(test_rejecting),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
