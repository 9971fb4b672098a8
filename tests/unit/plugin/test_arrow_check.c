#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "headgate/batch.h"
#include "plugin/arrow_check.h"

static const struct hg_column columns[] = {
    {.name = "n", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "t", .type = HG_TYPE_UTF8, .nullable = true},
    {.name = "d", .type = HG_TYPE_DECIMAL128, .precision = 5, .scale = 2},
};

static struct ArrowSchema schema;
static struct ArrowArray batch;
static struct hg_batch *builder;

/* Ten rows; the texts are "aa", every third is null. */
static int make(void **state)
{
    (void)state;
    assert_int_equal(hg_batch_schema(columns, 3, &schema, NULL), HG_OK);
    assert_int_equal(hg_batch_new(columns, 3, &builder, NULL), HG_OK);
    for (int i = 0; i < 10; i++) {
        hg_batch_append_int64(builder, 0, i);
        hg_batch_append_text(builder, 1, i % 3 ? "aa" : NULL);
        hg_batch_append_decimal(builder, 2, i);
        assert_int_equal(hg_batch_end_row(builder), HG_OK);
    }
    assert_int_equal(hg_batch_finish(builder, &batch, NULL), HG_OK);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    schema.release(&schema);
    batch.release(&batch);
    hg_batch_free(builder);
    return 0;
}

static void *writable(int column, int buffer)
{
    void *memory;
    memcpy(&memory, &batch.children[column]->buffers[buffer], sizeof memory);
    return memory;
}

static void assert_batch(int level, const char *says)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_arrow_check_batch(&schema, &batch, level, &err);
    assert_int_equal(r, says ? HG_EDATA : HG_OK);
    if (says && !strstr(err.message, says)) {
        fail_msg("\"%s\" lacks \"%s\"", err.message, says);
    }
}

/* Found at both levels, or only when everything is looked at. */
#define BOTH(says)                      \
    assert_batch(HG_ARROW_CHEAP, says); \
    assert_batch(HG_ARROW_FULL, says)
#define ONLY_FULL(says)                 \
    assert_batch(HG_ARROW_CHEAP, NULL); \
    assert_batch(HG_ARROW_FULL, says)

static void test_good(void **state)
{
    (void)state;
    assert_int_equal(hg_arrow_check_schema(&schema, NULL), HG_OK);
    BOTH(NULL);
    /* A part of it, and an unknown null count. */
    batch.offset = 3;
    batch.length = 7;
    batch.children[1]->null_count = -1;
    BOTH(NULL);
    batch.offset = 4;
    BOTH("has fewer rows than the batch");
    batch.offset = 0;
    batch.length = 0;
    BOTH(NULL);
}

static void test_outside(void **state)
{
    (void)state;
    batch.length = -1;
    BOTH("the batch has a length or offset that cannot be");
    batch.length = 10;
    batch.null_count = 1;
    BOTH("rows that are null as a whole");
    batch.null_count = 0;
    batch.n_children = 2;
    BOTH("the batch has 2 columns and its schema has 3");
    batch.n_children = 3;
    batch.n_buffers = 0;
    BOTH("a wrong number of buffers");
    batch.n_buffers = 1;
    batch.length = 11;
    BOTH("\"n\" has fewer rows than the batch");
    batch.length = 10;
}

static void test_columns(void **state)
{
    (void)state;
    struct ArrowArray *text = batch.children[1];
    text->n_buffers = 2;
    BOTH("\"t\" has a wrong number of buffers");
    text->n_buffers = 3;
    text->null_count = 11;
    BOTH("null count that cannot be");
    text->null_count = 3;
    ONLY_FULL("has 4 nulls and says it has 3");
    text->null_count = 4;
    const void *validity = text->buffers[0];
    text->buffers[0] = NULL;
    BOTH("has nulls and no validity bitmap");
    text->buffers[0] = validity;
    const void *bytes = text->buffers[2];
    text->buffers[2] = NULL;
    BOTH("has text and no bytes");
    text->buffers[2] = bytes;
    const void *values = batch.children[0]->buffers[1];
    batch.children[0]->buffers[1] = NULL;
    BOTH("\"n\" has rows and no values");
    batch.children[0]->buffers[1] = values;
    void (*release)(struct ArrowArray *) = text->release;
    text->release = NULL;
    BOTH("\"t\" is missing from the batch");
    text->release = release;
    BOTH(NULL);
}

static void test_texts(void **state)
{
    (void)state;
    int32_t *offsets = writable(1, 1);
    int32_t last = offsets[10];
    offsets[10] = -1;
    BOTH("has offsets that run backwards");
    offsets[10] = last;
    offsets[0] = -2;
    BOTH("has offsets that run backwards");
    offsets[0] = 0;
    offsets[5] = 0;
    ONLY_FULL("row 4: the offsets run backwards");
    offsets[5] = 6;
    char *bytes = writable(1, 2);
    bytes[1] = '\xC3';
    ONLY_FULL("row 1: the text is not valid UTF-8");
    bytes[1] = 'a';
    BOTH(NULL);
}

static void test_values(void **state)
{
    (void)state;
    hg_int128 *decimals = writable(2, 1);
    decimals[3] = -100000;
    ONLY_FULL("\"d\", row 3: the decimal has more digits than its precision");
    decimals[3] = -99999;
    BOTH(NULL);
    schema.children[1]->flags = 0;
    ONLY_FULL("\"t\" has nulls and its schema says it takes none");
}

static void assert_schema(const char *says)
{
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_arrow_check_schema(&schema, &err), HG_EDATA);
    if (!strstr(err.message, says)) {
        fail_msg("\"%s\" lacks \"%s\"", err.message, says);
    }
}

static void test_schema(void **state)
{
    (void)state;
    struct ArrowSchema *field = schema.children[0];
    schema.format = "l";
    assert_schema("the schema's format is \"l\"");
    schema.format = "+s";
    schema.n_children = 0;
    assert_schema("0 columns");
    schema.n_children = 3;
    const char *const formats[] = {
        "U", "tsu:Europe/Berlin", "d:39,2", "d:3,4", "d:3,2,256", "+l", "c", "tsn:"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        field->format = formats[i];
        assert_schema("\"n\"");
    }
    field->format = "tsu:UTC";
    assert_int_equal(hg_arrow_check_schema(&schema, NULL), HG_OK);
    field->format = NULL;
    assert_schema("has no name or no format");
    field->format = "l";
    const char *name = field->name;
    field->name = "\xFF";
    assert_schema("not valid UTF-8");
    field->name = "t";
    assert_schema("\"t\" is there twice");
    field->name = name;
    field->dictionary = &schema;
    assert_schema("is a dictionary");
    field->dictionary = NULL;
}

static void test_same(void **state)
{
    (void)state;
    struct ArrowSchema other;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_batch_schema(columns, 3, &other, NULL), HG_OK);
    assert_int_equal(hg_arrow_check_same(&schema, &other, &err), HG_OK);
    other.children[2]->flags = ARROW_FLAG_NULLABLE;
    assert_int_equal(hg_arrow_check_same(&schema, &other, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "\"d\" changed its type"));
    other.children[0]->name = "m";
    assert_int_equal(hg_arrow_check_same(&schema, &other, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "was named \"n\" and is now named \"m\""));
    other.n_children = 2;
    assert_int_equal(hg_arrow_check_same(&schema, &other, &err), HG_EDATA);
    other.n_children = 3;
    other.release(&other);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_good),
        TEST(test_outside),
        TEST(test_columns),
        TEST(test_texts),
        TEST(test_values),
        TEST(test_schema),
        TEST(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
