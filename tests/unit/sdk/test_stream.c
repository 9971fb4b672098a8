#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "headgate/batch.h"
#include "headgate/error.h"

static const struct hg_column columns[] = {{.name = "n", .type = HG_TYPE_INT64}};

struct source {
    struct hg_batch *batch;
    int n_batches;
    int n_next;
    int n_released;
    hg_status fails_with; /* after the last batch */
    bool silent;
};

static hg_status source_schema(void *arg, struct ArrowSchema *ret, struct hg_error *err)
{
    (void)arg;
    return hg_batch_schema(columns, 1, ret, err);
}

static hg_status source_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    struct source *source = arg;
    source->n_next++;
    if (source->n_batches-- > 0) {
        hg_batch_append_int64(source->batch, 0, source->n_batches);
        return hg_batch_finish(source->batch, ret, err);
    }
    if (source->fails_with && !source->silent) {
        hg_fail(err, source->fails_with, "the well is dry");
        return hg_fail_retryable(err, source->fails_with, 1500);
    }
    return source->fails_with;
}

static void source_release(void *arg)
{
    ((struct source *)arg)->n_released++;
}

static const struct hg_batch_stream_ops ops = {source_schema, source_next, source_release};

static void open_stream(struct source *source, struct ArrowArrayStream *stream)
{
    assert_int_equal(hg_batch_new(columns, 1, &source->batch, NULL), HG_OK);
    assert_int_equal(hg_batch_stream(&ops, source, stream, NULL), HG_OK);
}

static void close_stream(struct source *source, struct ArrowArrayStream *stream)
{
    stream->release(stream);
    assert_null(stream->release);
    assert_int_equal(source->n_released, 1);
    hg_batch_free(source->batch);
}

static void test_batches_then_an_end_that_stays(void **state)
{
    (void)state;
    struct source source = {.n_batches = 2};
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    open_stream(&source, &stream);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(stream.get_schema(&stream, &schema), 0);
        assert_string_equal(schema.children[0]->name, "n");
        schema.release(&schema);
        assert_int_equal(stream.get_next(&stream, &array), 0);
        assert_int_equal(array.length, 1);
        array.release(&array);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stream.get_next(&stream, &array), 0);
        assert_null(array.release);
    }
    assert_null(stream.get_last_error(&stream));
    assert_int_equal(source.n_next, 3);
    close_stream(&source, &stream);
}

static void test_failure_stays_and_keeps_its_whole_error(void **state)
{
    (void)state;
    struct source source = {.fails_with = HG_ERATELIMITED};
    struct ArrowArrayStream stream;
    struct ArrowArray array = {.length = 77};
    open_stream(&source, &stream);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(stream.get_next(&stream, &array), EAGAIN);
        assert_string_equal(stream.get_last_error(&stream), "the well is dry");
    }
    assert_int_equal(array.length, 77);
    assert_int_equal(source.n_next, 1);
    const struct hg_stream_error *ext = hg_batch_stream_extension(NULL, HG_EXT_STREAM_ERROR);
    assert_non_null(ext);
    assert_null(hg_batch_stream_extension(NULL, "headgate.nothing/1"));
    struct hg_error err = HG_ERROR_INIT;
    ext->last(NULL, &stream, &err);
    assert_int_equal(err.code, HG_ERATELIMITED);
    assert_int_equal(err.retryable, 1);
    assert_int_equal(err.retry_after_ms, 1500);
    assert_string_equal(err.message, "the well is dry");
    struct ArrowArrayStream foreign = {0};
    ext->last(NULL, &foreign, &err);
    assert_int_equal(err.code, HG_EINVAL);
    close_stream(&source, &stream);
}

static void test_cancelled_and_silent_failures(void **state)
{
    (void)state;
    struct source source = {.fails_with = HG_ECANCELLED, .silent = true};
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    open_stream(&source, &stream);
    assert_int_equal(stream.get_next(&stream, &array), ECANCELED);
    assert_string_equal(stream.get_last_error(&stream), "the source failed without saying why");
    close_stream(&source, &stream);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    struct source source = {.n_batches = 1};
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    fail_alloc_arm(0);
    assert_int_equal(hg_batch_stream(&ops, &source, &stream, NULL), HG_ENOMEM);
    fail_alloc_disarm();
    assert_int_equal(source.n_released, 0);
    open_stream(&source, &stream);
    fail_alloc_arm(0);
    assert_int_equal(stream.get_schema(&stream, &schema), ENOMEM);
    fail_alloc_disarm();
    assert_string_equal(stream.get_last_error(&stream), "out of memory");
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    schema.release(&schema);
    close_stream(&source, &stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_then_an_end_that_stays),
        cmocka_unit_test(test_failure_stays_and_keeps_its_whole_error),
        cmocka_unit_test(test_cancelled_and_silent_failures),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
