#include "flow/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* PostgreSQL cuts longer names silently, which could make two columns one. */
enum { NAME_BYTES_MAX = 63 };

static const char json_key[] = "headgate.type";
static const char json_word[] = "json";

struct format {
    const char *text;
    int type;
    bool utc;
};

static const struct format formats[] = {
    {"b", HG_TYPE_BOOL, false},
    {"i", HG_TYPE_INT32, false},
    {"l", HG_TYPE_INT64, false},
    {"g", HG_TYPE_FLOAT64, false},
    {"u", HG_TYPE_UTF8, false},
    {"z", HG_TYPE_BINARY, false},
    {"tdD", HG_TYPE_DATE32, false},
    {"tsu:", HG_TYPE_TIMESTAMP_US, false},
    {"tsu:UTC", HG_TYPE_TIMESTAMP_US, true},
};

/* "d:P,S" */
static bool parse_decimal(const char *format, struct hg_flow_column *column)
{
    char *end = NULL;
    if (strncmp(format, "d:", 2) != 0) {
        return false;
    }
    long precision = strtol(format + 2, &end, 10);
    if (*end != ',') {
        return false;
    }
    long scale = strtol(end + 1, &end, 10);
    if (*end != '\0' || precision < 1 || precision > 38 || scale < 0 || scale > precision) {
        return false;
    }
    column->type = HG_TYPE_DECIMAL128;
    column->precision = (int)precision;
    column->scale = (int)scale;
    return true;
}

static bool parse_format(const char *format, struct hg_flow_column *column)
{
    for (size_t i = 0; i < HG_COUNT(formats); i++) {
        if (strcmp(formats[i].text, format) == 0) {
            column->type = formats[i].type;
            column->utc = formats[i].utc;
            return true;
        }
    }
    return parse_decimal(format, column);
}

static bool metadata_equals(const char **at, const char *text)
{
    int32_t n;
    memcpy(&n, *at, sizeof n);
    const char *bytes = *at + sizeof n;
    *at = bytes + n;
    return n >= 0 && (size_t)n == strlen(text) && memcmp(bytes, text, (size_t)n) == 0;
}

/* Arrow's metadata: a count, then lengths and bytes of keys and values. */
static bool is_json(const char *metadata)
{
    int32_t n_pairs = 0;
    if (!metadata) {
        return false;
    }
    memcpy(&n_pairs, metadata, sizeof n_pairs);
    const char *at = metadata + sizeof n_pairs;
    for (int32_t i = 0; i < n_pairs; i++) {
        bool key = metadata_equals(&at, json_key);
        if (metadata_equals(&at, json_word) && key) {
            return true;
        }
    }
    return false;
}

static int read_column(const struct ArrowSchema *child,
                       struct hg_flow_column *column,
                       struct hg_error *err)
{
    if (!child || !child->name || child->name[0] == '\0' || !child->format) {
        return hg_error_set(err, HG_EDATA, "the source gives a column without a name");
    }
    column->name = child->name;
    column->nullable = (child->flags & ARROW_FLAG_NULLABLE) != 0;
    if (strlen(child->name) > NAME_BYTES_MAX) {
        return hg_error_set(err,
                            HG_EDATA,
                            "the name of column \"%s\" is longer than %d bytes",
                            child->name,
                            NAME_BYTES_MAX);
    }
    if (child->dictionary || !parse_format(child->format, column)) {
        return hg_error_set(err,
                            HG_EDATA,
                            "column \"%s\" has the Arrow type \"%s\", which is not one of the SDK",
                            child->name,
                            child->format);
    }
    column->json = column->type == HG_TYPE_UTF8 && is_json(child->metadata);
    return HG_OK;
}

static int read_columns(struct hg_flow_schema *schema, struct hg_error *err)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        int r = read_column(schema->arrow.children[i], &schema->columns[i], err);
        if (r < 0) {
            return r;
        }
        const char *name = schema->columns[i].name;
        if (hg_flow_schema_find(schema, name) != (int)i) {
            return hg_error_set(err, HG_EDATA, "the source gives two columns \"%s\"", name);
        }
        if (strcmp(name, HG_FLOW_POSITION) == 0) {
            schema->position = (int)i;
        }
    }
    return HG_OK;
}

int hg_flow_schema_take(struct ArrowSchema *arrow, struct hg_flow_schema *ret, struct hg_error *err)
{
    struct hg_flow_schema schema = {.arrow = *arrow, .position = -1};
    int r = HG_OK;
    arrow->release = NULL;
    if (!schema.arrow.format || strcmp(schema.arrow.format, "+s") != 0 ||
        schema.arrow.n_children < 1 || schema.arrow.n_children > 1600) {
        r = hg_error_set(err, HG_EDATA, "the source's schema is not a struct of 1 to 1600 columns");
    } else {
        schema.n_columns = (size_t)schema.arrow.n_children;
        schema.columns = calloc(schema.n_columns, sizeof *schema.columns);
        r = schema.columns ? read_columns(&schema, err) : hg_error_nomem(err);
    }
    if (r < 0) {
        hg_flow_schema_free(&schema);
        return r;
    }
    *ret = schema;
    return HG_OK;
}

void hg_flow_schema_free(struct hg_flow_schema *schema)
{
    free(schema->columns);
    schema->columns = NULL;
    schema->n_columns = 0;
    if (schema->arrow.release) {
        schema->arrow.release(&schema->arrow);
        schema->arrow.release = NULL;
    }
}

struct hg_column hg_flow_column_build(const struct hg_flow_column *column)
{
    static const char *const json_metadata[] = {json_key, json_word, NULL};
    return (struct hg_column){.name = column->name,
                              .type = column->type,
                              .precision = column->precision,
                              .scale = column->scale,
                              .nullable = true,
                              .timezone = column->utc ? "UTC" : NULL,
                              .metadata = column->json ? json_metadata : NULL};
}

int hg_flow_schema_find(const struct hg_flow_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (schema->columns[i].name && strcmp(schema->columns[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- batches ---- */

static bool is_text(int type)
{
    return type == HG_TYPE_UTF8 || type == HG_TYPE_BINARY;
}

static bool offsets_grow(const int32_t *offsets, int64_t n)
{
    int32_t bad = offsets[0] < 0;
    for (int64_t i = 0; i < n; i++) {
        bad |= offsets[i + 1] < offsets[i];
    }
    return !bad;
}

static int bad_batch(const struct hg_flow_column *column, const char *what, struct hg_error *err)
{
    return hg_error_set(
        err, HG_EDATA, "a batch breaks the Arrow rules: column \"%s\" %s", column->name, what);
}

static int view_column(const struct hg_flow_column *column,
                       const struct ArrowArray *array,
                       int64_t offset,
                       int64_t n_rows,
                       struct hg_flow_view *view,
                       struct hg_error *err)
{
    bool text = is_text(column->type);
    if (!array || array->n_buffers != (text ? 3 : 2) || !array->buffers) {
        return bad_batch(column, "has the wrong number of buffers", err);
    }
    if (array->offset < 0 || array->length < offset + n_rows) {
        return bad_batch(column, "is shorter than the batch", err);
    }
    view->offset = array->offset + offset;
    view->validity = array->null_count == 0 ? NULL : array->buffers[0];
    view->values = array->buffers[1];
    view->bytes = text ? array->buffers[2] : NULL;
    if (array->null_count > 0 && !view->validity) {
        return bad_batch(column, "has nulls and no validity bitmap", err);
    }
    if (n_rows == 0) {
        return HG_OK;
    }
    if (!view->values) {
        return bad_batch(column, "has no values", err);
    }
    if (text) {
        const int32_t *offsets = (const int32_t *)view->values + view->offset;
        if (!offsets_grow(offsets, n_rows)) {
            return bad_batch(column, "has offsets that go back", err);
        }
        if (!view->bytes && offsets[n_rows] > offsets[0]) {
            return bad_batch(column, "has no text", err);
        }
    }
    return HG_OK;
}

int hg_flow_views(const struct hg_flow_schema *schema,
                  const struct ArrowArray *array,
                  struct hg_flow_view *views,
                  struct hg_error *err)
{
    if (array->length < 0 || array->offset < 0 || array->n_children != (int64_t)schema->n_columns ||
        !array->children) {
        return hg_error_set(err,
                            HG_EDATA,
                            "a batch breaks the Arrow rules: %lld columns where the schema has %zu",
                            (long long)array->n_children,
                            schema->n_columns);
    }
    if (array->null_count > 0) {
        return hg_error_set(err, HG_EDATA, "a batch breaks the Arrow rules: a row that is null");
    }
    if (array->length > INT32_MAX) {
        return hg_error_set(err, HG_EDATA, "a batch of more than 2,147,483,647 rows");
    }
    for (size_t i = 0; i < schema->n_columns; i++) {
        int r = view_column(
            &schema->columns[i], array->children[i], array->offset, array->length, &views[i], err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}
