#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "flow/columns.h"
#include "flow/encode.h"
#include "flow/guard.h"
#include "flow/numeric.h"
#include "flow/order.h"
#include "flow/temp.h"
#include "headgate/batch.h"

/* ---- numeric ---- */

static hg_flow_int128 parse(const char *text)
{
    hg_flow_int128 value = 0;
    for (const char *c = text; *c; c++) {
        value = *c == '-' ? value : value * 10 + (*c - '0');
    }
    return text[0] == '-' ? -value : value;
}

static void test_numeric_bytes(void **state)
{
    static const struct {
        const char *value;
        int scale;
        const char *hex; /* digits, weight, sign, scale, digits */
    } cases[] = {
        {"0", 0, "0000000000000000"},
        {"0", 3, "0000000000000003"},
        {"1", 0, "00010000000000000001"},
        {"-1", 0, "00010000400000000001"},
        {"10000", 0, "00010001000000000001"},
        {"12345", 0, "000200010000000000010929"},
        {"15",
         1,
         "0002000000000001000113"
         "88"},
        {"1", 4, "0001ffff000000040001"},
        {"1",
         5,
         "0001fffe000000"
         "0503e8"},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        uint8_t bytes[HG_NUMERIC_BYTES_MAX];
        char hex[2 * HG_NUMERIC_BYTES_MAX + 1] = "";
        size_t n = hg_numeric_encode(parse(cases[i].value), cases[i].scale, bytes);
        for (size_t k = 0; k < n; k++) {
            (void)snprintf(hex + 2 * k, 3, "%02x", bytes[k]);
        }
        assert_string_equal(hex, cases[i].hex);
    }
}

static void test_numeric_round_trip(void **state)
{
    static const char *const values[] = {"0",
                                         "1",
                                         "-1",
                                         "9",
                                         "10",
                                         "9999",
                                         "10000",
                                         "10001",
                                         "123456789",
                                         "-1000000000000",
                                         "18446744073709551616",
                                         "99999999999999999999999999999999999999",
                                         "-99999999999999999999999999999999999999",
                                         "10000000000000000000000000000000000000"};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(values); i++) {
        for (int scale = 0; scale <= 38; scale++) {
            uint8_t bytes[HG_NUMERIC_BYTES_MAX];
            hg_flow_int128 value = parse(values[i]);
            hg_flow_int128 back = 0;
            size_t n = hg_numeric_encode(value, scale, bytes);
            assert_true(n <= sizeof bytes);
            assert_true(hg_numeric_decode(bytes, n, scale, &back));
            assert_true(back == value);
            assert_false(hg_numeric_decode(bytes, n - 1, scale, &back));
        }
    }
}

static void test_numeric_text(void **state)
{
    static const struct {
        const char *value;
        int scale;
        const char *text;
    } cases[] = {
        {"0", 0, "0"},
        {"0", 2, "0.00"},
        {"5", 2, "0.05"},
        {"-5", 1, "-0.5"},
        {"1250", 2, "12.50"},
        {"-100", 0, "-100"},
        {"99999999999999999999999999999999999999", 38, "0.99999999999999999999999999999999999999"}};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char text[HG_NUMERIC_TEXT];
        hg_numeric_format(parse(cases[i].value), cases[i].scale, text);
        assert_string_equal(text, cases[i].text);
    }
    assert_true(hg_numeric_fits(parse("999"), 3));
    assert_true(hg_numeric_fits(parse("-999"), 3));
    assert_false(hg_numeric_fits(parse("1000"), 3));
}

static void test_numeric_refuses(void **state)
{
    hg_flow_int128 value = 0;
    const uint8_t nan[] = {0, 0, 0, 0, 0xc0, 0, 0, 0};
    const uint8_t finer[] = {0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1}; /* 0.0001 */
    const uint8_t digit[] = {0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10}; /* a digit of 10,000 */
    const uint8_t huge[] = {0, 1, 0, 10, 0, 0, 0, 0, 0, 1};       /* 10^40 */
    (void)state;
    assert_false(hg_numeric_decode(nan, sizeof nan, 0, &value));
    assert_false(hg_numeric_decode(finer, sizeof finer, 3, &value));
    assert_true(hg_numeric_decode(finer, sizeof finer, 4, &value));
    assert_true(value == 1);
    assert_false(hg_numeric_decode(digit, sizeof digit, 0, &value));
    assert_false(hg_numeric_decode(huge, sizeof huge, 0, &value));
}

/* ---- temporary logs ---- */

static void test_temp_logs(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_temp *temp = NULL;
    enum { LOGS = 3, WRITES = 4000 };
    (void)state;
    assert_int_equal(hg_temp_new(LOGS, 16 * 1024, &temp, &err), HG_OK);
    char big[9000];
    for (int i = 0; i < WRITES; i++) {
        unsigned log = (unsigned)(i * 7) % LOGS;
        size_t n = i % 500 == 0 ? sizeof big : (size_t)(i % 40);
        memset(big, 'a' + i % 26, n);
        assert_int_equal(hg_temp_write(temp, log, big, n, &err), HG_OK);
    }
    for (unsigned log = 0; log < LOGS; log++) {
        struct hg_temp_reader reader = {.log = log};
        int64_t size = 0;
        for (int i = 0; i < WRITES; i++) {
            size_t n = i % 500 == 0 ? sizeof big : (size_t)(i % 40);
            if ((unsigned)(i * 7) % LOGS != log) {
                continue;
            }
            size += (int64_t)n;
            assert_int_equal(hg_temp_read(temp, &reader, big, n, &err), HG_OK);
            for (size_t k = 0; k < n; k++) {
                assert_int_equal(big[k], 'a' + i % 26);
            }
        }
        assert_int_equal(hg_temp_size(temp, log), size);
        assert_int_equal(hg_temp_read(temp, &reader, big, 1, &err), HG_EIO);
    }
    hg_temp_free(temp);
}

/* ---- batches ---- */

struct table {
    struct hg_flow_schema schema;
    struct hg_flow_view views[8];
    struct ArrowArray array;
    int64_t seq[64];
    struct hg_flow_batch batch;
};

static void open_table(struct table *table,
                       const struct hg_column *columns,
                       size_t n,
                       struct hg_batch *builder)
{
    struct ArrowSchema schema;
    memset(table, 0, sizeof *table);
    assert_int_equal(hg_batch_schema(columns, n, &schema, NULL), HG_OK);
    assert_int_equal(hg_flow_schema_take(&schema, &table->schema, NULL), HG_OK);
    assert_int_equal(hg_batch_finish(builder, &table->array, NULL), HG_OK);
    assert_int_equal(hg_flow_views(&table->schema, &table->array, table->views, NULL), HG_OK);
    hg_batch_free(builder);
    table->batch = (struct hg_flow_batch){
        &table->schema, &table->array, table->views, table->seq, table->array.length};
}

static void close_table(struct table *table)
{
    table->array.release(&table->array);
    hg_flow_schema_free(&table->schema);
}

static const struct hg_column key[] = {
    {.name = "s", .type = HG_TYPE_UTF8, .nullable = true},
    {.name = "t", .type = HG_TYPE_TIMESTAMP_US, .nullable = true},
};

static void test_order(void **state)
{
    static const struct {
        const char *s;
        int64_t t;
    } rows[] = {{"a", 1}, {"a", 2}, {"aa", 0}, {"b", -5}, {"b", -4}, {"b", -4}, {"c", 0}, {"b", 9}};
    static const int32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const int columns[] = {0, 1};
    struct hg_batch *builder = NULL;
    struct table table;
    struct hg_order *order = NULL;
    (void)state;
    assert_int_equal(hg_batch_new(key, 2, &builder, NULL), HG_OK);
    for (size_t i = 0; i < HG_COUNT(rows); i++) {
        assert_int_equal(hg_batch_append_text(builder, 0, rows[i].s), HG_OK);
        assert_int_equal(hg_batch_append_timestamp_us(builder, 1, rows[i].t), HG_OK);
        assert_int_equal(hg_batch_end_row(builder), HG_OK);
    }
    open_table(&table, key, 2, builder);
    assert_int_equal(hg_order_new(&table.schema, columns, 2, &order, NULL), HG_OK);
    assert_int_equal(hg_order_run(order, &table.batch, all, 8), 5);
    assert_int_equal(hg_order_run(order, &table.batch, all + 5, 3), 0);
    assert_int_equal(hg_order_run(order, &table.batch, all + 6, 2), 1);
    assert_int_equal(hg_order_run(order, &table.batch, all + 7, 1), 0);
    hg_order_reset(order);
    assert_int_equal(hg_order_run(order, &table.batch, all + 7, 1), 1);
    hg_order_free(order);
    close_table(&table);
}

static void test_arrays_with_offsets(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "b", .type = HG_TYPE_BOOL, .nullable = true},
        {.name = "s", .type = HG_TYPE_UTF8, .nullable = true},
    };
    struct hg_batch *builder = NULL;
    struct table table;
    (void)state;
    assert_int_equal(hg_batch_new(columns, 2, &builder, NULL), HG_OK);
    for (int i = 0; i < 20; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "t%d", i);
        assert_int_equal(hg_batch_append_bool(builder, 0, i % 3 == 0), HG_OK);
        assert_int_equal(hg_batch_append_text(builder, 1, i == 12 ? NULL : text), HG_OK);
        assert_int_equal(hg_batch_end_row(builder), HG_OK);
    }
    open_table(&table, columns, 2, builder);
    table.array.offset = 9; /* a slice of rows 9 to 14 */
    table.array.length = 6;
    assert_int_equal(hg_flow_views(&table.schema, &table.array, table.views, NULL), HG_OK);
    table.batch.n_rows = 6;
    const struct hg_encoder_column list[] = {{0, hg_mapping_natural(&table.schema.columns[0])},
                                             {1, hg_mapping_natural(&table.schema.columns[1])}};
    static const int32_t rows[] = {0, 3, 5};
    struct hg_encoder *encoder = NULL;
    uint8_t bytes[256];
    assert_int_equal(hg_encoder_new(&table.schema, list, 2, false, &encoder, NULL), HG_OK);
    size_t n = hg_encoder_measure(encoder, &table.batch, rows, 3);
    hg_encoder_write(encoder, &table.batch, rows, 3, bytes);
    static const uint8_t expected[] = {0, 2, 0, 0, 0, 1, 1, 0,    0,    0,    2,    't', '9',
                                       0, 2, 0, 0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0,   2,
                                       0, 0, 0, 1, 0, 0, 0, 0,    3,    't',  '1',  '4'};
    assert_int_equal(n, sizeof expected);
    assert_memory_equal(bytes, expected, n);
    hg_encoder_free(encoder);
    close_table(&table);
}

static void test_guard_finds_bad_text(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "s", .type = HG_TYPE_BINARY, .nullable = true}};
    static const struct {
        const char *bytes;
        size_t n;
        bool bad;
    } cells[] = {{"plain", 5, false},
                 {"", 0, false},
                 {"\xc3\xa9", 2, false},
                 {"\xc3", 1, true},
                 {"a\0b", 3, true},
                 {"\xff", 1, true},
                 {"\x7f\x01", 2, false},
                 {"\xed\xa0\x80", 3, true}};
    struct hg_batch *builder = NULL;
    struct table table;
    (void)state;
    assert_int_equal(hg_batch_new(columns, 1, &builder, NULL), HG_OK);
    for (size_t i = 0; i < HG_COUNT(cells); i++) {
        assert_int_equal(hg_batch_append_bytes(builder, 0, cells[i].bytes, cells[i].n), HG_OK);
        assert_int_equal(hg_batch_end_row(builder), HG_OK);
    }
    open_table(&table, columns, 1, builder);
    table.schema.columns[0].type = HG_TYPE_UTF8; /* as a careless plugin would say */
    const struct hg_guard guard = {.column = 0};
    uint8_t bits[1] = {0};
    hg_guard_find(&guard, &table.batch, bits);
    for (size_t i = 0; i < HG_COUNT(cells); i++) {
        char why[128];
        assert_int_equal(hg_bit(bits, (int64_t)i), cells[i].bad);
        assert_int_equal(hg_guard_explain(&guard, &table.batch, (int64_t)i, why, sizeof why),
                         cells[i].bad);
    }
    close_table(&table);
}

static void test_schemas_that_are_refused(void **state)
{
    struct ArrowSchema schema;
    struct hg_flow_schema taken;
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    static const char *const formats[] = {"U", "d:39,0", "d:5,6", "d:5", "tsu:Europe/Vienna", "+l"};
    for (size_t i = 0; i < HG_COUNT(formats); i++) {
        assert_int_equal(hg_batch_schema(key, 2, &schema, NULL), HG_OK);
        schema.children[1]->format = formats[i];
        assert_int_equal(hg_flow_schema_take(&schema, &taken, &err), HG_EDATA);
        assert_null(schema.release);
        assert_non_null(strstr(err.message, formats[i]));
    }
    assert_int_equal(hg_batch_schema(key, 2, &schema, NULL), HG_OK);
    schema.children[1]->name = "s";
    assert_int_equal(hg_flow_schema_take(&schema, &taken, &err), HG_EDATA);
    assert_string_equal(err.message, "the source gives two columns \"s\"");
}

static void test_batches_that_are_refused(void **state)
{
    struct hg_batch *builder = NULL;
    struct table table;
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    assert_int_equal(hg_batch_new(key, 2, &builder, NULL), HG_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hg_batch_append_text(builder, 0, "abc"), HG_OK);
        assert_int_equal(hg_batch_append_timestamp_us(builder, 1, i), HG_OK);
        assert_int_equal(hg_batch_end_row(builder), HG_OK);
    }
    open_table(&table, key, 2, builder);
    struct ArrowArray *array = &table.array;
    array->n_children = 1;
    assert_int_equal(hg_flow_views(&table.schema, array, table.views, &err), HG_EDATA);
    array->n_children = 2;
    array->length = 4;
    assert_int_equal(hg_flow_views(&table.schema, array, table.views, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "shorter than the batch"));
    array->length = 3;
    int32_t *offsets = (int32_t *)(uintptr_t)array->children[0]->buffers[1];
    offsets[1] = 7;
    assert_int_equal(hg_flow_views(&table.schema, array, table.views, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "offsets that go back"));
    offsets[1] = 3;
    array->children[1]->null_count = 1;
    const void *validity = array->children[1]->buffers[0];
    array->children[1]->buffers[0] = NULL;
    assert_int_equal(hg_flow_views(&table.schema, array, table.views, &err), HG_EDATA);
    array->children[1]->buffers[0] = validity;
    array->children[1]->null_count = 0;
    assert_int_equal(hg_flow_views(&table.schema, array, table.views, &err), HG_OK);
    close_table(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric_bytes),
        cmocka_unit_test(test_numeric_round_trip),
        cmocka_unit_test(test_numeric_text),
        cmocka_unit_test(test_numeric_refuses),
        cmocka_unit_test(test_temp_logs),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_arrays_with_offsets),
        cmocka_unit_test(test_guard_finds_bad_text),
        cmocka_unit_test(test_schemas_that_are_refused),
        cmocka_unit_test(test_batches_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
