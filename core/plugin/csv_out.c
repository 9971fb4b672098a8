#include "plugin/csv_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "headgate/schema.h"
#include "headgate/view.h"

static void write_quoted(FILE *to, const char *text, size_t n)
{
    bool plain = n > 0;
    for (size_t i = 0; i < n && plain; i++) {
        plain = text[i] != '"' && text[i] != ',' && text[i] != '\n' && text[i] != '\r';
    }
    if (plain) {
        (void)fwrite(text, 1, n, to);
        return;
    }
    (void)fputc('"', to);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"') {
            (void)fputc('"', to);
        }
        (void)fputc(text[i], to);
    }
    (void)fputc('"', to);
}

/* The shortest of the usual precisions that reads back as the same number. */
static void write_double(FILE *to, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    (void)fputs(text, to);
}

static void write_cell(FILE *to, const struct hg_view *view, int64_t row)
{
    char text[96];
    size_t n;
    const uint8_t *bytes;
    if (hg_view_is_null(view, row)) {
        return;
    }
    switch (view->type) {
    case HG_TYPE_UTF8:
        bytes = hg_view_bytes(view, row, &n);
        write_quoted(to, (const char *)bytes, n);
        break;
    case HG_TYPE_BINARY:
        bytes = hg_view_bytes(view, row, &n);
        (void)fputs("\\x", to);
        for (size_t i = 0; i < n; i++) {
            (void)fprintf(to, "%02x", (unsigned)bytes[i]);
        }
        break;
    case HG_TYPE_FLOAT64:
        write_double(to, ((const double *)view->values)[view->offset + row]);
        break;
    default:
        hg_view_format(view, row, text, sizeof text);
        (void)fputs(text, to);
        break;
    }
}

static int written(FILE *to, struct hg_error *err)
{
    return ferror(to) ? hg_error_errno(err, errno, "cannot write the rows") : HG_OK;
}

int hg_csv_write_header(FILE *to, const struct ArrowSchema *schema, struct hg_error *err)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (i > 0) {
            (void)fputc(',', to);
        }
        write_quoted(to, schema->children[i]->name, strlen(schema->children[i]->name));
    }
    (void)fputs("\n", to);
    return written(to, err);
}

int hg_csv_write_batch(FILE *to,
                       const struct ArrowSchema *schema,
                       const struct ArrowArray *batch,
                       int64_t rows,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_freep) struct hg_view *views = calloc((size_t)schema->n_children, sizeof *views);
    if (!views) {
        return hg_error_nomem(err);
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        int r = hg_view_init(schema, (int32_t)i, &views[i], err);
        if (r) {
            return r;
        }
        hg_view_bind(&views[i], batch);
    }
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < schema->n_children; i++) {
            if (i > 0) {
                (void)fputc(',', to);
            }
            write_cell(to, &views[i], row);
        }
        (void)fputc('\n', to);
    }
    return written(to, err);
}
