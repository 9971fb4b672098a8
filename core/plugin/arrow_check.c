#include "plugin/arrow_check.h"

#include <string.h>

#include "headgate/batch.h"
#include "headgate/view.h"

/* PostgreSQL's limit for a table. */
#define MAX_COLUMNS 1600

static int fail(struct hg_error *err, const struct ArrowSchema *field, const char *what)
{
    return hg_error_set(err, HG_EDATA, "column \"%.100s\" %s", field->name, what);
}

/* ------------------------------------------------------------------------------------------ */
/* Schemas                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static int check_field(const struct ArrowSchema *schema, int64_t i, struct hg_error *err)
{
    const struct ArrowSchema *field = schema->children[i];
    struct hg_view view;
    if (!field || !field->release) {
        return hg_error_set(err, HG_EDATA, "column %lld of the schema is missing", (long long)i);
    }
    if (!field->name || !field->name[0] || !field->format) {
        return hg_error_set(
            err, HG_EDATA, "column %lld of the schema has no name or no format", (long long)i);
    }
    if (hg_text_utf8_prefix(field->name, strlen(field->name)) != strlen(field->name)) {
        return hg_error_set(
            err, HG_EDATA, "the name of column %lld is not valid UTF-8", (long long)i);
    }
    if (field->dictionary || field->n_children != 0) {
        return fail(err, field, "is a dictionary or has columns inside; such types do not cross");
    }
    int r = hg_view_init(schema, (int32_t)i, &view, err);
    if (r) {
        return HG_EDATA;
    }
    if (view.type == HG_TYPE_DECIMAL128 && (view.precision < 1 || view.precision > 38 ||
                                            view.scale < 0 || view.scale > view.precision)) {
        return fail(err, field, "is not within decimal128(1..38, 0..precision)");
    }
    if (view.has_zone && strcmp(field->format, "tsu:UTC") != 0) {
        return fail(err, field, "has a time zone other than UTC");
    }
    for (int64_t k = 0; k < i; k++) {
        if (strcmp(schema->children[k]->name, field->name) == 0) {
            return fail(err, field, "is there twice");
        }
    }
    return HG_OK;
}

int hg_arrow_check_schema(const struct ArrowSchema *schema, struct hg_error *err)
{
    if (!schema->release) {
        return hg_error_set(err, HG_EDATA, "the schema was not filled in");
    }
    if (!schema->format || strcmp(schema->format, "+s") != 0) {
        return hg_error_set(err,
                            HG_EDATA,
                            "the schema's format is \"%.20s\" where \"+s\" was expected",
                            schema->format ? schema->format : "");
    }
    if (schema->n_children < 1 || schema->n_children > MAX_COLUMNS || !schema->children) {
        return hg_error_set(err,
                            HG_EDATA,
                            "the schema has %lld columns where 1 to %d were expected",
                            (long long)schema->n_children,
                            MAX_COLUMNS);
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        int r = check_field(schema, i, err);
        if (r) {
            return r;
        }
    }
    return HG_OK;
}

int hg_arrow_check_same(const struct ArrowSchema *a,
                        const struct ArrowSchema *b,
                        struct hg_error *err)
{
    if (a->n_children != b->n_children) {
        return hg_error_set(err,
                            HG_EDATA,
                            "the schema had %lld columns and now has %lld",
                            (long long)a->n_children,
                            (long long)b->n_children);
    }
    for (int64_t i = 0; i < a->n_children; i++) {
        const struct ArrowSchema *x = a->children[i], *y = b->children[i];
        if (strcmp(x->name, y->name) != 0) {
            return hg_error_set(err,
                                HG_EDATA,
                                "column %lld was named \"%.100s\" and is now named \"%.100s\"",
                                (long long)i,
                                x->name,
                                y->name);
        }
        if (strcmp(x->format, y->format) != 0 ||
            ((x->flags ^ y->flags) & ARROW_FLAG_NULLABLE) != 0) {
            return fail(err, x, "changed its type");
        }
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Batches                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* One column of a batch, while it is checked. */
struct column {
    const struct ArrowSchema *field;
    const struct ArrowArray *array;
    struct hg_view view;
    int64_t from; /* first row of the batch in the column's buffers */
    int64_t n;    /* rows of the batch */
};

static int check_shape(const struct column *c, struct hg_error *err)
{
    bool has_bytes = c->view.type == HG_TYPE_UTF8 || c->view.type == HG_TYPE_BINARY;
    if (!c->array || !c->array->release) {
        return fail(err, c->field, "is missing from the batch");
    }
    if (c->array->length < 0 || c->array->offset < 0 || c->array->null_count < -1 ||
        c->array->null_count > c->array->length) {
        return fail(err, c->field, "has a length, offset or null count that cannot be");
    }
    if (c->array->length < c->from - c->array->offset + c->n) {
        return fail(err, c->field, "has fewer rows than the batch");
    }
    if (c->array->n_buffers != (has_bytes ? 3 : 2) || !c->array->buffers) {
        return fail(err, c->field, "has a wrong number of buffers");
    }
    if (c->array->n_children != 0 || c->array->dictionary) {
        return fail(err, c->field, "has columns inside or a dictionary");
    }
    if (c->array->null_count > 0 && !c->array->buffers[0]) {
        return fail(err, c->field, "has nulls and no validity bitmap");
    }
    if (c->n > 0 && !c->array->buffers[1]) {
        return fail(err, c->field, "has rows and no values");
    }
    return HG_OK;
}

static int check_ends(const struct column *c, struct hg_error *err)
{
    const int32_t *offsets = c->array->buffers[1];
    if (!offsets || c->n == 0) {
        return HG_OK;
    }
    int32_t first = offsets[c->from], last = offsets[c->from + c->n];
    if (first < 0 || last < first) {
        return fail(err, c->field, "has offsets that run backwards");
    }
    return last > 0 && !c->array->buffers[2] ? fail(err, c->field, "has text and no bytes") : HG_OK;
}

static bool cell_is_null(const struct column *c, int64_t row)
{
    const uint8_t *validity = c->array->buffers[0];
    return validity && !hg_view_bit(validity, c->from + row);
}

static int check_nulls(const struct column *c, struct hg_error *err)
{
    int64_t nulls = 0;
    /* The count is of the whole array, which may be longer than the batch. */
    for (int64_t i = 0; i < c->array->length && c->array->buffers[0]; i++) {
        nulls += !hg_view_bit(c->array->buffers[0], c->array->offset + i);
    }
    if (c->array->null_count >= 0 && nulls != c->array->null_count) {
        return hg_error_set(err,
                            HG_EDATA,
                            "column \"%.100s\" has %lld nulls and says it has %lld",
                            c->field->name,
                            (long long)nulls,
                            (long long)c->array->null_count);
    }
    if (nulls > 0 && !(c->field->flags & ARROW_FLAG_NULLABLE)) {
        return fail(err, c->field, "has nulls and its schema says it takes none");
    }
    return HG_OK;
}

static int fail_row(const struct column *c, int64_t row, const char *what, struct hg_error *err)
{
    return hg_error_set(
        err, HG_EDATA, "column \"%.100s\", row %lld: %s", c->field->name, (long long)row, what);
}

static int check_texts(const struct column *c, struct hg_error *err)
{
    const int32_t *offsets = (const int32_t *)c->array->buffers[1] + c->from;
    const char *bytes = c->array->buffers[2];
    for (int64_t i = 0; i < c->n; i++) {
        if (offsets[i + 1] < offsets[i]) {
            return fail_row(c, i, "the offsets run backwards", err);
        }
        size_t n = (size_t)(offsets[i + 1] - offsets[i]);
        if (n > 0 && c->view.type == HG_TYPE_UTF8 && !cell_is_null(c, i) &&
            hg_text_utf8_prefix(bytes + offsets[i], n) != n) {
            return fail_row(c, i, "the text is not valid UTF-8", err);
        }
    }
    return HG_OK;
}

static int check_decimals(const struct column *c, struct hg_error *err)
{
    hg_int128 limit = 1;
    for (int32_t i = 0; i < c->view.precision; i++) {
        limit *= 10;
    }
    for (int64_t i = 0; i < c->n; i++) {
        hg_int128 value;
        memcpy(&value, (const char *)c->array->buffers[1] + (c->from + i) * 16, sizeof value);
        if (!cell_is_null(c, i) && (value >= limit || value <= -limit)) {
            return fail_row(c, i, "the decimal has more digits than its precision", err);
        }
    }
    return HG_OK;
}

static int check_column(const struct column *c, int level, struct hg_error *err)
{
    bool has_bytes = c->view.type == HG_TYPE_UTF8 || c->view.type == HG_TYPE_BINARY;
    int r = check_shape(c, err);
    if (!r && has_bytes) {
        r = check_ends(c, err);
    }
    if (r || level < HG_ARROW_FULL) {
        return r;
    }
    r = check_nulls(c, err);
    if (!r && has_bytes && c->n > 0) {
        r = check_texts(c, err);
    }
    if (!r && c->view.type == HG_TYPE_DECIMAL128) {
        r = check_decimals(c, err);
    }
    return r;
}

static int check_outside(const struct ArrowSchema *schema,
                         const struct ArrowArray *batch,
                         struct hg_error *err)
{
    if (!batch->release) {
        return hg_error_set(err, HG_EDATA, "the batch was not filled in");
    }
    if (batch->length < 0 || batch->offset < 0 || batch->length > INT32_MAX ||
        batch->offset > INT32_MAX) {
        return hg_error_set(err, HG_EDATA, "the batch has a length or offset that cannot be");
    }
    if (batch->n_children != schema->n_children || !batch->children) {
        return hg_error_set(err,
                            HG_EDATA,
                            "the batch has %lld columns and its schema has %lld",
                            (long long)batch->n_children,
                            (long long)schema->n_children);
    }
    if (batch->n_buffers != 1 || batch->dictionary) {
        return hg_error_set(err, HG_EDATA, "the batch has a wrong number of buffers");
    }
    if (batch->null_count > 0) {
        return hg_error_set(err, HG_EDATA, "the batch has rows that are null as a whole");
    }
    return HG_OK;
}

int hg_arrow_check_batch(const struct ArrowSchema *schema,
                         const struct ArrowArray *batch,
                         int level,
                         struct hg_error *err)
{
    int r = check_outside(schema, batch, err);
    for (int64_t i = 0; !r && i < schema->n_children; i++) {
        struct column c = {
            .field = schema->children[i], .array = batch->children[i], .n = batch->length};
        r = hg_view_init(schema, (int32_t)i, &c.view, err);
        if (!r) {
            c.from = batch->offset + (c.array ? c.array->offset : 0);
            r = check_column(&c, level, err);
        }
    }
    return r;
}
