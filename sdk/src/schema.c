#include "headgate/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"
#include "headgate/text.h"

/* Arrow's format of each type; NULL where it is made from the column. */
static const char *const formats[] = {
    [HG_TYPE_BOOL] = "b",
    [HG_TYPE_INT32] = "i",
    [HG_TYPE_INT64] = "l",
    [HG_TYPE_FLOAT64] = "g",
    [HG_TYPE_DECIMAL128] = NULL,
    [HG_TYPE_UTF8] = "u",
    [HG_TYPE_BINARY] = "z",
    [HG_TYPE_DATE32] = "tdD",
    [HG_TYPE_TIMESTAMP_US] = NULL,
};

/* What a parent's private_data points at. */
struct schema_block {
    struct ArrowSchema **child_pointers;
    struct ArrowSchema children[];
};

static hg_status check_column(const struct hg_column *columns, size_t i, struct hg_error *err)
{
    const struct hg_column *c = &columns[i];
    if (!c->name || !c->name[0]) {
        return hg_fail(err, HG_EINVAL, "column %zu has no name", i);
    }
    if (hg_text_utf8_prefix(c->name, strlen(c->name)) != strlen(c->name)) {
        return hg_fail(err, HG_EINVAL, "the name of column %zu is not UTF-8", i);
    }
    if (c->type < HG_TYPE_BOOL || c->type > HG_TYPE_TIMESTAMP_US) {
        return hg_fail(err, HG_EINVAL, "column \"%s\": %d is no type", c->name, (int)c->type);
    }
    if (c->type == HG_TYPE_DECIMAL128 &&
        (c->precision < 1 || c->precision > 38 || c->scale < 0 || c->scale > c->precision)) {
        return hg_fail(err,
                       HG_EINVAL,
                       "column \"%s\": decimal(%d,%d) is not within decimal(1..38, 0..precision)",
                       c->name,
                       (int)c->precision,
                       (int)c->scale);
    }
    for (size_t k = 0; k < i; k++) {
        if (strcmp(columns[k].name, c->name) == 0) {
            return hg_fail(err, HG_EINVAL, "two columns are named \"%s\"", c->name);
        }
    }
    return HG_OK;
}

hg_status hg_columns_check(const struct hg_column *columns, size_t n, struct hg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        hg_status status = check_column(columns, i, err);
        if (status) {
            return status;
        }
    }
    return HG_OK;
}

/* Bytes of Arrow's encoding of the metadata. */
static size_t metadata_size(const char *const *metadata)
{
    size_t size = sizeof(int32_t);
    for (size_t i = 0; metadata && metadata[i]; i++) {
        size += sizeof(int32_t) + strlen(metadata[i]);
    }
    return size;
}

static void metadata_write(char *to, const char *const *metadata)
{
    int32_t n_texts = 0;
    char *at = to + sizeof n_texts;
    for (; metadata[n_texts]; n_texts++) {
        size_t n = strlen(metadata[n_texts]);
        int32_t n32 = (int32_t)n;
        memcpy(at, &n32, sizeof n32);
        memcpy(at + sizeof n32, metadata[n_texts], n);
        at += sizeof n32 + n;
    }
    int32_t n_pairs = n_texts / 2;
    memcpy(to, &n_pairs, sizeof n_pairs);
}

static void release_child(struct ArrowSchema *schema)
{
    free(schema->private_data);
    schema->release = NULL;
}

static void release_parent(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release) {
            schema->children[i]->release(schema->children[i]);
        }
    }
    free(schema->private_data);
    schema->release = NULL;
}

/* Format, name and metadata of a child lie in one block, its private_data. */
static hg_status fill_child(struct ArrowSchema *child, const struct hg_column *column)
{
    size_t n_name = strlen(column->name) + 1;
    const char *zone = column->timezone ? column->timezone : "";
    size_t n_format = 32 + strlen(zone);
    size_t n_metadata = column->metadata ? metadata_size(column->metadata) : 0;
    char *block = malloc(n_metadata + n_name + n_format);
    if (!block) {
        return HG_ENOMEM;
    }
    if (column->metadata) {
        metadata_write(block, column->metadata);
        child->metadata = block;
    }
    char *name = block + n_metadata;
    memcpy(name, column->name, n_name);
    child->name = name;
    child->format = formats[column->type];
    char *format = name + n_name;
    if (column->type == HG_TYPE_DECIMAL128) {
        (void)snprintf(format, n_format, "d:%d,%d", (int)column->precision, (int)column->scale);
        child->format = format;
    } else if (column->type == HG_TYPE_TIMESTAMP_US) {
        (void)snprintf(format, n_format, "tsu:%s", zone);
        child->format = format;
    }
    child->flags = column->nullable ? ARROW_FLAG_NULLABLE : 0;
    child->release = release_child;
    child->private_data = block;
    return HG_OK;
}

hg_status hg_batch_schema(const struct hg_column *columns,
                          size_t n_columns,
                          struct ArrowSchema *ret,
                          struct hg_error *err)
{
    hg_status status = hg_columns_check(columns, n_columns, err);
    if (status) {
        return status;
    }
    struct schema_block *block = calloc(1,
                                        sizeof *block + n_columns * sizeof block->children[0] +
                                            n_columns * sizeof(struct ArrowSchema *));
    if (!block) {
        return hg_fail_nomem(err);
    }
    block->child_pointers = (struct ArrowSchema **)(void *)&block->children[n_columns];
    struct ArrowSchema schema = {.format = "+s",
                                 .name = "",
                                 .children = block->child_pointers,
                                 .release = release_parent,
                                 .private_data = block};
    for (size_t i = 0; i < n_columns; i++) {
        block->child_pointers[i] = &block->children[i];
        if (fill_child(&block->children[i], &columns[i])) {
            schema.release(&schema);
            return hg_fail_nomem(err);
        }
        schema.n_children++;
    }
    *ret = schema;
    return HG_OK;
}
