#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "headgate/batch.h"
#include "headgate/error.h"

static const char *const json_metadata[] = {"headgate.type", "json", "other", "", NULL};

/* One nullable column of each type, in the order of enum hg_type. */
static const struct hg_column all_types[] = {
    {.name = "bool", .type = HG_TYPE_BOOL, .nullable = true},
    {.name = "int32", .type = HG_TYPE_INT32, .nullable = true},
    {.name = "int64", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "float64", .type = HG_TYPE_FLOAT64, .nullable = true},
    {.name = "decimal", .type = HG_TYPE_DECIMAL128, .precision = 38, .scale = 4, .nullable = true},
    {.name = "utf8", .type = HG_TYPE_UTF8, .nullable = true, .metadata = json_metadata},
    {.name = "binary", .type = HG_TYPE_BINARY, .nullable = true},
    {.name = "date", .type = HG_TYPE_DATE32, .nullable = true},
    {.name = "ts", .type = HG_TYPE_TIMESTAMP_US, .nullable = true, .timezone = "UTC"},
};
#define N_ALL (sizeof all_types / sizeof all_types[0])

static hg_int128 decimal_of(int64_t i)
{
    return ((hg_int128)i << 64) + 7;
}

/* What stands in row i, column c; every `null_every`-th cell is null (0: none). */
static bool is_null(int64_t i, size_t c, int null_every)
{
    return null_every && (i + (int64_t)c) % null_every == 0;
}

static hg_status append_value(struct hg_batch *batch, size_t c, int64_t i)
{
    char text[32];
    switch (all_types[c].type) {
    case HG_TYPE_BOOL:
        return hg_batch_append_bool(batch, c, i % 3 == 1);
    case HG_TYPE_INT32:
        return hg_batch_append_int32(batch, c, (int32_t)i - 5);
    case HG_TYPE_INT64:
        return hg_batch_append_int64(batch, c, i * 1000000007);
    case HG_TYPE_FLOAT64:
        return hg_batch_append_float64(batch, c, (double)i / 3);
    case HG_TYPE_DECIMAL128:
        return i % 2 ? hg_batch_append_decimal(batch, c, decimal_of(i))
                     : hg_batch_append_decimal_parts(batch, c, i, 7);
    case HG_TYPE_UTF8:
        snprintf(text, sizeof text, "wörd %lld", (long long)i);
        return hg_batch_append_text(batch, c, text);
    case HG_TYPE_BINARY:
        return hg_batch_append_bytes(batch, c, "\xFF\0\x80", (size_t)(i % 4 ? i % 4 : 0));
    case HG_TYPE_DATE32:
        return hg_batch_append_date32(batch, c, (int32_t)i + 20000);
    default:
        return hg_batch_append_timestamp_us(batch, c, i * 60000000);
    }
}

static hg_status fill(struct hg_batch *batch, int64_t rows, int null_every)
{
    for (int64_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < N_ALL; c++) {
            hg_status status = is_null(i, c, null_every) ? hg_batch_append_null(batch, c)
                                                         : append_value(batch, c, i);
            if (status) {
                return status;
            }
        }
        hg_status status = hg_batch_end_row(batch);
        if (status) {
            return status;
        }
    }
    return HG_OK;
}

static bool bit(const void *bits, int64_t i)
{
    return (((const uint8_t *)bits)[i / 8] >> (i % 8)) & 1;
}

static void assert_value(const struct ArrowArray *a, size_t c, int64_t i)
{
    const void *values = a->buffers[1];
    char text[32];
    int32_t from, to;
    switch (all_types[c].type) {
    case HG_TYPE_BOOL:
        assert_int_equal(bit(values, i), i % 3 == 1);
        break;
    case HG_TYPE_INT32:
        assert_int_equal(((const int32_t *)values)[i], (int32_t)i - 5);
        break;
    case HG_TYPE_INT64:
        assert_true(((const int64_t *)values)[i] == i * 1000000007);
        break;
    case HG_TYPE_FLOAT64:
        assert_true(((const double *)values)[i] == (double)i / 3);
        break;
    case HG_TYPE_DECIMAL128:
        assert_true(((const hg_int128 *)values)[i] == decimal_of(i));
        break;
    case HG_TYPE_UTF8:
        from = ((const int32_t *)values)[i];
        to = ((const int32_t *)values)[i + 1];
        snprintf(text, sizeof text, "wörd %lld", (long long)i);
        assert_int_equal(to - from, strlen(text));
        assert_memory_equal((const char *)a->buffers[2] + from, text, strlen(text));
        break;
    case HG_TYPE_BINARY:
        from = ((const int32_t *)values)[i];
        to = ((const int32_t *)values)[i + 1];
        assert_int_equal(to - from, i % 4);
        assert_memory_equal((const char *)a->buffers[2] + from, "\xFF\0\x80", (size_t)(to - from));
        break;
    case HG_TYPE_DATE32:
        assert_int_equal(((const int32_t *)values)[i], i + 20000);
        break;
    default:
        assert_true(((const int64_t *)values)[i] == i * 60000000);
        break;
    }
}

static void assert_array(const struct ArrowArray *array, int64_t rows, int null_every)
{
    assert_int_equal(array->length, rows);
    assert_int_equal(array->n_children, N_ALL);
    assert_int_equal(array->null_count, 0);
    assert_int_equal(array->n_buffers, 1);
    assert_null(array->buffers[0]);
    for (size_t c = 0; c < N_ALL; c++) {
        const struct ArrowArray *a = array->children[c];
        int64_t nulls = 0;
        assert_int_equal(a->length, rows);
        assert_int_equal(a->offset, 0);
        for (int64_t b = 0; b < a->n_buffers; b++) {
            assert_int_equal((uintptr_t)a->buffers[b] % 64, 0);
        }
        assert_non_null(a->buffers[1]);
        if (a->n_buffers == 3) {
            assert_non_null(a->buffers[2]);
            assert_int_equal(((const int32_t *)a->buffers[1])[0], 0);
        }
        for (int64_t i = 0; i < rows; i++) {
            if (is_null(i, c, null_every)) {
                nulls++;
                assert_false(bit(a->buffers[0], i));
            } else {
                assert_true(!a->buffers[0] || bit(a->buffers[0], i));
                assert_value(a, c, i);
            }
        }
        assert_int_equal(a->null_count, nulls);
        assert_int_equal(a->buffers[0] != NULL, nulls > 0);
    }
}

static struct hg_batch *new_batch(const struct hg_column *columns, size_t n)
{
    struct hg_batch *batch = NULL;
    assert_int_equal(hg_batch_new(columns, n, &batch, NULL), HG_OK);
    return batch;
}

/* Sizes around the ends of bytes, words and of what is allocated at once. */
static void test_round_trip_of_all_types(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 7, 8, 9, 63, 64, 65, 1023, 1024, 1025, 5000};
    static const int null_everys[] = {0, 1, 2, 7};
    struct hg_batch *batch = new_batch(all_types, N_ALL);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t k = 0; k < 4; k++) {
            struct ArrowArray array;
            assert_int_equal(fill(batch, sizes[s], null_everys[k]), HG_OK);
            assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
            assert_array(&array, sizes[s], null_everys[k]);
            array.release(&array);
            assert_null(array.release);
        }
    }
    hg_batch_free(batch);
}

static void test_array_outlives_builder_and_other_batches(void **state)
{
    (void)state;
    struct hg_batch *batch = new_batch(all_types, N_ALL);
    struct ArrowArray first, second;
    assert_int_equal(fill(batch, 100, 3), HG_OK);
    assert_int_equal(hg_batch_finish(batch, &first, NULL), HG_OK);
    assert_int_equal(fill(batch, 2000, 0), HG_OK);
    assert_int_equal(hg_batch_finish(batch, &second, NULL), HG_OK);
    hg_batch_free(batch);
    assert_array(&first, 100, 3);
    first.release(&first);
    assert_array(&second, 2000, 0);
    second.release(&second);
}

/* The specification lets a consumer move a child out and release it on its own. */
static void test_child_may_be_moved_out(void **state)
{
    (void)state;
    struct hg_batch *batch = new_batch(all_types, N_ALL);
    struct ArrowArray array;
    assert_int_equal(fill(batch, 10, 2), HG_OK);
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
    struct ArrowArray child = *array.children[5];
    array.children[5]->release = NULL;
    array.release(&array);
    hg_batch_free(batch);
    assert_value(&child, 5, 2);
    child.release(&child);
}

static void test_append_refuses(void **state)
{
    (void)state;
    static const struct hg_column columns[] = {
        {.name = "n", .type = HG_TYPE_INT64},
        {.name = "t", .type = HG_TYPE_UTF8},
        {.name = "d", .type = HG_TYPE_DECIMAL128, .precision = 3, .scale = 1},
        {.name = "big", .type = HG_TYPE_DECIMAL128, .precision = 38, .scale = 0},
    };
    struct hg_batch *batch = new_batch(columns, 4);
    assert_int_equal(hg_batch_append_null(batch, 0), HG_EINVAL);
    assert_int_equal(hg_batch_append_int32(batch, 0, 1), HG_EINVAL);
    assert_int_equal(hg_batch_append_int64(batch, 4, 1), HG_EINVAL);
    assert_int_equal(hg_batch_append_text(batch, 0, "x"), HG_EINVAL);
    assert_int_equal(hg_batch_append_text(batch, 1, "a\xC3"), HG_EDATA);
    assert_int_equal(hg_batch_append_text(batch, 1, NULL), HG_EINVAL);
    assert_int_equal(hg_batch_append_bytes(batch, 1, "", (size_t)1 << 31), HG_ETOOBIG);
    assert_int_equal(hg_batch_append_decimal(batch, 2, 1000), HG_ETOOBIG);
    assert_int_equal(hg_batch_append_decimal(batch, 2, -1000), HG_ETOOBIG);
    hg_int128 limit = 1;
    for (int i = 0; i < 38; i++) {
        limit *= 10;
    }
    assert_int_equal(hg_batch_append_decimal(batch, 3, limit), HG_ETOOBIG);
    assert_int_equal(hg_batch_append_decimal(batch, 3, limit - 1), HG_OK);
    assert_int_equal(hg_batch_append_decimal(batch, 2, -999), HG_OK);
    /* A row without a cell for a column that takes no null. */
    assert_int_equal(hg_batch_append_int64(batch, 0, 1), HG_OK);
    assert_int_equal(hg_batch_end_row(batch), HG_EINVAL);
    struct hg_error err = HG_ERROR_INIT;
    struct ArrowArray array = {0};
    assert_int_equal(hg_batch_finish(batch, &array, &err), HG_EINVAL);
    assert_string_equal(err.message, "column \"t\" has 0 rows, column \"n\" has 1");
    assert_null(array.release);
    assert_int_equal(hg_batch_explain(batch, 1, HG_EDATA, &err), HG_EDATA);
    assert_string_equal(err.message, "column \"t\": the text is not valid UTF-8");
    hg_batch_drop_row(batch);
    assert_int_equal(hg_batch_finish(batch, &array, &err), HG_OK);
    assert_int_equal(array.length, 0);
    array.release(&array);
    hg_batch_free(batch);
}

static void test_dropped_rows_leave_no_trace(void **state)
{
    (void)state;
    struct hg_batch *batch = new_batch(all_types, N_ALL);
    for (int64_t i = 0; i < 1030; i++) {
        /* Nulls and set bits, which must not shine through in what follows. */
        for (size_t c = 0; c < N_ALL; c++) {
            assert_int_equal(c % 2 ? hg_batch_append_null(batch, c) : append_value(batch, c, 1),
                             HG_OK);
        }
        hg_batch_drop_row(batch);
        for (size_t c = 0; c < N_ALL; c++) {
            assert_int_equal(append_value(batch, c, i), HG_OK);
        }
        assert_int_equal(hg_batch_end_row(batch), HG_OK);
    }
    struct ArrowArray array;
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
    assert_array(&array, 1030, 0);
    array.release(&array);
    /* And so do those of a batch that is reset. */
    assert_int_equal(fill(batch, 70, 1), HG_OK);
    hg_batch_reset(batch);
    assert_int_equal(fill(batch, 70, 0), HG_OK);
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
    assert_array(&array, 70, 0);
    array.release(&array);
    hg_batch_free(batch);
}

static void test_missing_cells_become_null(void **state)
{
    (void)state;
    struct hg_batch *batch = new_batch(all_types, N_ALL);
    assert_int_equal(hg_batch_append_int32(batch, 1, 5), HG_OK);
    assert_int_equal(hg_batch_end_row(batch), HG_OK);
    assert_int_equal(hg_batch_append_int32(batch, 1, 6), HG_OK);
    assert_int_equal(hg_batch_append_int32(batch, 1, 7), HG_OK);
    assert_int_equal(hg_batch_end_row(batch), HG_EINVAL);
    hg_batch_drop_row(batch);
    struct ArrowArray array;
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
    assert_int_equal(array.length, 1);
    for (int64_t c = 0; c < (int64_t)N_ALL; c++) {
        assert_int_equal(array.children[c]->null_count, c == 1 ? 0 : 1);
    }
    array.release(&array);
    hg_batch_free(batch);
}

static void test_direct_writing(void **state)
{
    (void)state;
    static const struct hg_column columns[] = {
        {.name = "n", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "t", .type = HG_TYPE_UTF8, .nullable = true},
        {.name = "must", .type = HG_TYPE_INT32},
    };
    struct hg_batch *batch = new_batch(columns, 3);
    for (int64_t i = 0; i < 3000; i++) {
        if (batch->columns[0].room == batch->n_rows) {
            assert_int_equal(hg_batch_reserve(batch, 1000), HG_OK);
        }
        assert_int_equal(hg_batch_reserve_bytes(batch, 1, 2), HG_OK);
        struct hg_batch_column *n = &batch->columns[0], *t = &batch->columns[1];
        ((int64_t *)n->values)[batch->n_rows] = i;
        ((int32_t *)batch->columns[2].values)[batch->n_rows] = (int32_t)i;
        if (i % 5 == 0) {
            n->validity[batch->n_rows / 8] &= (uint8_t) ~(1u << (batch->n_rows % 8));
        }
        memcpy(t->bytes + t->n_bytes, "ab", 2);
        ((int32_t *)t->values)[batch->n_rows + 1] = (int32_t)t->n_bytes + 2;
        if (i % 3 == 0) {
            hg_batch_drop_row(batch);
        } else {
            hg_batch_commit(batch, 1);
        }
    }
    struct ArrowArray array;
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
    assert_int_equal(array.length, 2000);
    assert_int_equal(array.children[0]->null_count, 400);
    assert_int_equal(((const int32_t *)array.children[1]->buffers[1])[2000], 4000);
    assert_int_equal(((const int64_t *)array.children[0]->buffers[1])[1999], 2999);
    array.release(&array);

    assert_int_equal(hg_batch_reserve(batch, 1), HG_OK);
    ((int32_t *)batch->columns[1].values)[1] = 0;
    batch->columns[2].validity[0] &= 0xFE;
    hg_batch_commit(batch, 1);
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_batch_finish(batch, &array, &err), HG_EDATA);
    assert_string_equal(err.message, "column \"must\" has a null, and takes none");
    hg_batch_free(batch);
}

static void test_empty_schema_and_no_columns(void **state)
{
    (void)state;
    struct hg_batch *batch = new_batch(NULL, 0);
    assert_int_equal(hg_batch_end_row(batch), HG_OK);
    struct ArrowArray array;
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
    assert_int_equal(array.length, 1);
    assert_int_equal(array.n_children, 0);
    array.release(&array);
    hg_batch_free(batch);
}

static void test_schema(void **state)
{
    (void)state;
    static const char *const formats[] = {"b", "i", "l", "g", "d:38,4", "u", "z", "tdD", "tsu:UTC"};
    struct ArrowSchema schema;
    assert_int_equal(hg_batch_schema(all_types, N_ALL, &schema, NULL), HG_OK);
    assert_string_equal(schema.format, "+s");
    assert_int_equal(schema.n_children, N_ALL);
    for (size_t i = 0; i < N_ALL; i++) {
        assert_string_equal(schema.children[i]->format, formats[i]);
        assert_string_equal(schema.children[i]->name, all_types[i].name);
        assert_int_equal(schema.children[i]->flags, ARROW_FLAG_NULLABLE);
    }
    static const char metadata[] = "\2\0\0\0\15\0\0\0headgate.type\4\0\0\0json\5\0\0\0other\0\0\0";
    assert_memory_equal(schema.children[5]->metadata, metadata, sizeof metadata);
    assert_null(schema.children[4]->metadata);
    struct ArrowSchema child = *schema.children[8];
    schema.children[8]->release = NULL;
    schema.release(&schema);
    assert_string_equal(child.format, "tsu:UTC");
    child.release(&child);
}

static void test_schema_refuses(void **state)
{
    (void)state;
    static const struct {
        struct hg_column columns[2];
        const char *message;
    } cases[] = {
        {{{.name = "", .type = HG_TYPE_BOOL}, {0}}, "column 0 has no name"},
        {{{.name = "\xFF", .type = HG_TYPE_BOOL}, {0}}, "the name of column 0 is not UTF-8"},
        {{{.name = "a", .type = 0}, {0}}, "column \"a\": 0 is no type"},
        {{{.name = "a", .type = 10}, {0}}, "column \"a\": 10 is no type"},
        {{{.name = "a", .type = HG_TYPE_DECIMAL128, .precision = 39}, {0}},
         "column \"a\": decimal(39,0) is not within decimal(1..38, 0..precision)"},
        {{{.name = "a", .type = HG_TYPE_DECIMAL128, .precision = 3, .scale = 4}, {0}},
         "column \"a\": decimal(3,4) is not within decimal(1..38, 0..precision)"},
        {{{.name = "a", .type = HG_TYPE_BOOL}, {.name = "a", .type = HG_TYPE_BOOL}},
         "two columns are named \"a\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hg_error err = HG_ERROR_INIT;
        struct ArrowSchema schema = {0};
        struct hg_batch *batch = NULL;
        assert_int_equal(hg_batch_schema(cases[i].columns, 2, &schema, &err), HG_EINVAL);
        assert_string_equal(err.message, cases[i].message);
        assert_null(schema.release);
        assert_int_equal(hg_batch_new(cases[i].columns, 2, &batch, NULL), HG_EINVAL);
        assert_null(batch);
    }
}

/* Makes and reads a whole batch; whatever allocation fails, nothing is lost or broken. */
static hg_status whole_life(void)
{
    struct hg_batch *batch = NULL;
    struct ArrowSchema schema;
    struct ArrowArray array;
    hg_status status = hg_batch_schema(all_types, N_ALL, &schema, NULL);
    if (status) {
        return status;
    }
    schema.release(&schema);
    status = hg_batch_new(all_types, N_ALL, &batch, NULL);
    if (status) {
        return status;
    }
    status = fill(batch, 1500, 7);
    if (!status) {
        status = hg_batch_finish(batch, &array, NULL);
    }
    if (!status) {
        assert_array(&array, 1500, 7);
        array.release(&array);
    }
    hg_batch_free(batch);
    return status;
}

static void test_every_failing_allocation(void **state)
{
    (void)state;
    int n = 0;
    for (;; n++) {
        fail_alloc_arm(n);
        hg_status status = whole_life();
        if (!fail_alloc_disarm()) {
            assert_int_equal(status, HG_OK);
            break;
        }
        assert_int_equal(status, HG_ENOMEM);
    }
    assert_true(n > 40);
}

/* An append that fails leaves the rows before it, and can be tried again. */
static void test_rows_survive_a_failing_allocation(void **state)
{
    (void)state;
    struct hg_batch *batch = new_batch(all_types, N_ALL);
    int n_failures = 0;
    for (int64_t i = 0; i < 4000; i++) {
        for (size_t c = 0; c < N_ALL; c++) {
            fail_alloc_arm(0);
            hg_status status = append_value(batch, c, i);
            if (fail_alloc_disarm()) {
                assert_int_equal(status, HG_ENOMEM);
                assert_int_equal(append_value(batch, c, i), HG_OK);
                n_failures++;
            }
        }
        assert_int_equal(hg_batch_end_row(batch), HG_OK);
    }
    assert_true(n_failures > 20);
    struct ArrowArray array;
    fail_alloc_arm(0);
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_ENOMEM);
    assert_true(fail_alloc_disarm());
    assert_int_equal(hg_batch_finish(batch, &array, NULL), HG_OK);
    assert_array(&array, 4000, 0);
    array.release(&array);
    hg_batch_free(batch);
}

static void test_utf8_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        size_t valid;
    } cases[] = {
        {"", 0, 0},
        {"abcdefghijkl", 12, 12},
        {"abcdefgh\xFF", 9, 8},
        {"\xC3\xA4", 2, 2},
        {"\xC3", 1, 0},
        {"a\xC3", 2, 1},
        {"\xC0\x80", 2, 0},
        {"\xC1\xBF", 2, 0},
        {"\xE0\x9F\xBF", 3, 0},
        {"\xE0\xA0\x80", 3, 3},
        {"\xED\x9F\xBF", 3, 3},
        {"\xED\xA0\x80", 3, 0},
        {"\xEF\xBF\xBF", 3, 3},
        {"\xF0\x8F\xBF\xBF", 4, 0},
        {"\xF0\x90\x80\x80", 4, 4},
        {"\xF4\x8F\xBF\xBF", 4, 4},
        {"\xF4\x90\x80\x80", 4, 0},
        {"\xF5\x80\x80\x80", 4, 0},
        {"\xE2\x82", 2, 0},
        {"\xE2\x82\x28", 3, 0},
        {"\x80", 1, 0},
        {"a\0b", 3, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(hg_text_utf8_prefix(cases[i].text, cases[i].n), cases[i].valid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_of_all_types),
        cmocka_unit_test(test_array_outlives_builder_and_other_batches),
        cmocka_unit_test(test_child_may_be_moved_out),
        cmocka_unit_test(test_append_refuses),
        cmocka_unit_test(test_dropped_rows_leave_no_trace),
        cmocka_unit_test(test_missing_cells_become_null),
        cmocka_unit_test(test_direct_writing),
        cmocka_unit_test(test_empty_schema_and_no_columns),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_schema_refuses),
        cmocka_unit_test(test_every_failing_allocation),
        cmocka_unit_test(test_rows_survive_a_failing_allocation),
        cmocka_unit_test(test_utf8_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
