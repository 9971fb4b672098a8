/* Each allocation fails once: a status, nothing leaked, nothing touched that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

/* The linker sends all calls in this program's own objects here. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);

static int countdown = -1; /* allocations until one fails; -1: none does */

static bool fails(void)
{
    if (countdown < 0 || fake_busy > 0) {
        return false;
    }
    return countdown-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, n);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return fails() ? NULL : __real_strndup(s, n);
}

/* One whole life of an instance. The host's own memory never runs out. */
static hg_status live(struct fake *fake, const char *config, const char *state)
{
    void *inst = NULL;
    struct ArrowArrayStream stream;
    struct hg_read_request request = {sizeof request, 2, NULL, state};
    hg_status status = fake->vtable->open(&fake->host, config, &inst, &fake->err);
    if (status) {
        return status;
    }
    status = fake->vtable->test(inst, &fake->err);
    if (!status) {
        status = fake->vtable->read(inst, &request, &stream, &fake->err);
    }
    if (status) {
        fake->vtable->close(inst);
        return status;
    }
    const struct hg_stream_error *errors = fake->vtable->get_extension(inst, HG_EXT_STREAM_ERROR);
    struct ArrowSchema schema;
    int code = stream.get_schema(&stream, &schema);
    if (!code) {
        schema.release(&schema);
    }
    struct ArrowArray batch = {.release = NULL};
    while (!code) {
        code = stream.get_next(&stream, &batch);
        if (code || !batch.release) {
            break;
        }
        batch.release(&batch);
    }
    if (code) {
        errors->last(inst, &stream, &fake->err);
        status = fake->err.code;
    }
    stream.release(&stream);
    fake->vtable->close(inst);
    return status;
}

static void fail_each(const char *columns, const char *more, const char *state)
{
    static const char text[] = "a,b\n1,\"x\"\"y\"\nz,2\n3,4\n5,6";
    struct fake fake;
    fake_init(&fake);
    fake_write(&fake, "t.csv", text, sizeof text - 1);
    char *config = fake_config(&fake, "*.csv", columns, more);
    int n = 0;
    for (;; n++) {
        fake.err = (struct hg_error)HG_ERROR_INIT;
        fake_clear(&fake);
        countdown = n;
        hg_status status = live(&fake, config, state);
        bool reached = countdown < 0;
        countdown = -1;
        if (!reached) {
            assert_int_equal(status, HG_OK);
            break;
        }
        /* Some can be done without, such as that of a pool. */
        if (status != HG_OK && status != HG_ENOMEM) {
            fail_msg("allocation %d: %d %s", n, status, fake.err.message);
        }
    }
    assert_true(n > 20);
    free(config);
    fake_done(&fake);
}

static void test_plain(void **state)
{
    (void)state;
    fail_each("\"a\":\"int64\",\"b\":{\"type\":\"utf8\",\"missing\":[\"-\"],\"source\":\"b\"}",
              ",\"missing\":[\"NA\"]",
              NULL);
}

static void test_with_state(void **state)
{
    (void)state;
    fail_each("\"a\":\"date\",\"b\":{\"type\":\"timestamp\",\"format\":\"%F\",\"source\":2}",
              ",\"files\":\"new\",\"date_format\":\"%Y\"",
              "{\"files\":{\"/x\":[1,2]}}");
}

static void test_recoded(void **state)
{
    (void)state;
    fail_each("\"a\":\"int64\"", ",\"encoding\":\"latin1\"", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_with_state),
        cmocka_unit_test(test_recoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
