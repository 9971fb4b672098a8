#include "rule_test.h"

#include <fcntl.h>
#include <unistd.h>

/* ---- the host ---- */

static struct rule_test *test_of(const struct hg_host *host)
{
    return host->impl;
}

static void host_log(const struct hg_host *host, int32_t level, const char *text)
{
    struct rule_test *t = test_of(host);
    assert_int_equal(level, HG_LOG_WARNING);
    int n = snprintf(t->log + t->n_log, sizeof t->log - t->n_log, "%s\n", text);
    t->n_log += (size_t)n;
    assert_true(t->n_log < sizeof t->log);
}

static bool host_is_cancelled(const struct hg_host *host)
{
    return test_of(host)->cancelled;
}

static hg_status open_temp(const struct hg_host *host, int *ret_fd, struct hg_error *err)
{
    struct rule_test *t = test_of(host);
    if (t->fail_temp) {
        err->code = HG_EIO;
        (void)snprintf(err->message, sizeof err->message, "no room for a file");
        return HG_EIO;
    }
    char name[64];
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(name, sizeof name, "%s/rule_test_XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkostemp(name, O_CLOEXEC);
    assert_true(fd >= 0);
    if (t->bad_temp) {
        close(fd);
        fd = open(name, (t->bad_temp == 1 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
        assert_true(fd >= 0);
    }
    assert_int_equal(unlink(name), 0);
    t->n_temp++;
    *ret_fd = fd;
    return HG_OK;
}

static const struct hg_file file_extension = {.struct_size = sizeof file_extension,
                                              .open_temp = open_temp};

static const void *host_extension(const struct hg_host *host, const char *id)
{
    return strcmp(id, HG_EXT_FILE) == 0 && !test_of(host)->no_file ? &file_extension : NULL;
}

/* ---- columns ---- */

static const struct {
    char letter;
    struct hg_column column;
} kinds[] = {
    {'b', {.type = HG_TYPE_BOOL}},
    {'i', {.type = HG_TYPE_INT32}},
    {'l', {.type = HG_TYPE_INT64}},
    {'g', {.type = HG_TYPE_FLOAT64}},
    {'d', {.type = HG_TYPE_DECIMAL128, .precision = 18, .scale = 4}},
    {'u', {.type = HG_TYPE_UTF8}},
    {'z', {.type = HG_TYPE_BINARY}},
    {'t', {.type = HG_TYPE_DATE32}},
    {'s', {.type = HG_TYPE_TIMESTAMP_US}},
    {'S', {.type = HG_TYPE_TIMESTAMP_US, .timezone = "UTC"}},
};

static struct hg_column lettered[26];
static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

void rt_init(struct rule_test *t, const char *letters)
{
    size_t n = strlen(letters);
    assert_true(n <= sizeof names / sizeof names[0]);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < sizeof kinds / sizeof kinds[0] && kinds[k].letter != letters[i]) {
            k++;
        }
        assert_true(k < sizeof kinds / sizeof kinds[0]);
        lettered[i] = kinds[k].column;
        lettered[i].name = names[i];
        lettered[i].nullable = true;
    }
    rt_init_columns(t, lettered, n);
}

void rt_init_columns(struct rule_test *t, const struct hg_column *columns, size_t n)
{
    memset(t, 0, sizeof *t);
    t->err = (struct hg_error)HG_ERROR_INIT;
    t->host = (struct hg_host){.struct_size = sizeof t->host,
                               .abi_minor = HG_ABI_MINOR,
                               .impl = t,
                               .log = host_log,
                               .is_cancelled = host_is_cancelled,
                               .get_extension = host_extension};
    t->columns = columns;
    t->n_columns = n;
    t->rule = hg_module_v0.plugins[0]->vtable;
    assert_int_equal(hg_batch_schema(columns, n, &t->schema, &t->err), HG_OK);
    assert_int_equal(hg_batch_new(columns, n, &t->batch, &t->err), HG_OK);
}

void rt_done(struct rule_test *t)
{
    rt_close(t);
    t->schema.release(&t->schema);
    hg_batch_free(t->batch);
}

hg_status rt_prepare(struct rule_test *t, const char *config, bool rejecting)
{
    rt_close(t);
    t->err = (struct hg_error)HG_ERROR_INIT;
    return t->rule->prepare(&t->host, config, &t->schema, rejecting, &t->inst, &t->err);
}

void rt_close(struct rule_test *t)
{
    t->rule->close(t->inst);
    t->inst = NULL;
}

/* ---- rows ---- */

static hg_status append(struct rule_test *t, size_t column, const char *cell)
{
    if (strcmp(cell, "~") == 0) {
        return hg_batch_append_null(t->batch, column);
    }
    switch (t->columns[column].type) {
    case HG_TYPE_BOOL:
        return hg_batch_append_bool(t->batch, column, strcmp(cell, "true") == 0);
    case HG_TYPE_INT32:
        return hg_batch_append_int32(t->batch, column, (int32_t)strtol(cell, NULL, 10));
    case HG_TYPE_INT64:
        return hg_batch_append_int64(t->batch, column, strtoll(cell, NULL, 10));
    case HG_TYPE_FLOAT64:
        return hg_batch_append_float64(t->batch, column, strtod(cell, NULL));
    case HG_TYPE_DECIMAL128:
        return hg_batch_append_decimal(t->batch, column, strtoll(cell, NULL, 10));
    case HG_TYPE_DATE32:
        return hg_batch_append_date32(t->batch, column, (int32_t)strtol(cell, NULL, 10));
    case HG_TYPE_TIMESTAMP_US:
        return hg_batch_append_timestamp_us(t->batch, column, strtoll(cell, NULL, 10));
    default:
        return hg_batch_append_text(t->batch, column, cell);
    }
}

void rt_row(struct rule_test *t, const char *row)
{
    char copy[1024];
    char *at = copy;
    assert_true(strlen(row) < sizeof copy);
    memcpy(copy, row, strlen(row) + 1);
    for (size_t i = 0; i < t->n_columns; i++) {
        assert_non_null(at);
        assert_int_equal(append(t, i, strsep(&at, "|")), HG_OK);
    }
    assert_null(at);
    assert_int_equal(hg_batch_end_row(t->batch), HG_OK);
}

void rt_take(struct rule_test *t, int64_t cut, bool in_children, struct ArrowArray *ret)
{
    assert_int_equal(hg_batch_finish(t->batch, ret, &t->err), HG_OK);
    assert_true(cut <= ret->length);
    ret->length -= cut;
    if (!in_children) {
        ret->offset += cut;
        return;
    }
    for (int64_t i = 0; i < ret->n_children; i++) {
        struct ArrowArray *child = ret->children[i];
        child->offset += cut;
        child->length -= cut;
        child->null_count = child->null_count == 0 ? 0 : -1;
    }
}

hg_status rt_check(struct rule_test *t, struct ArrowArray *array)
{
    t->results = (struct hg_rule_results){.struct_size = sizeof t->results};
    hg_status status = t->rule->check(t->inst, array, &t->results, &t->err);
    array->release(array);
    return status;
}

void rt_check_rows(struct rule_test *t)
{
    struct ArrowArray array;
    rt_take(t, 0, false, &array);
    assert_int_equal(rt_check(t, &array), HG_OK);
}

hg_status rt_finish(struct rule_test *t)
{
    t->results = (struct hg_rule_results){.struct_size = sizeof t->results};
    return t->rule->finish(t->inst, &t->results, &t->err);
}

const char *rt_bits(const uint8_t *bits, int64_t n)
{
    static char text[256];
    assert_true(n < (int64_t)sizeof text);
    for (int64_t i = 0; i < n; i++) {
        text[i] = hg_view_bit(bits, i) ? '1' : '0';
    }
    text[n] = '\0';
    return text;
}

uint64_t rt_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
