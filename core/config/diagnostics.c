#include "config/diagnostics.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static void free_item(struct hg_diagnostic *item)
{
    free(item->file);
    free(item->message);
    free(item->hint);
}

void hg_diagnostics_free(struct hg_diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->n; i++) {
        free_item(&diagnostics->items[i]);
    }
    free(diagnostics->items);
    *diagnostics = (struct hg_diagnostics)HG_DIAGNOSTICS_INIT;
}

void hg_diagnostics_vadd(struct hg_diagnostics *diagnostics,
                         const char *file,
                         int line,
                         int column,
                         const char *hint,
                         const char *fmt,
                         va_list args)
{
    struct hg_buf message = HG_BUF_INIT;
    hg_buf_vprintf(&message, fmt, args);
    struct hg_diagnostic item = {
        .file = strdup(file),
        .line = line,
        .column = column,
        .message = hg_buf_take(&message),
        .hint = hint && hint[0] ? strdup(hint) : NULL,
    };
    if (!item.file || !item.message ||
        hg_grow(&diagnostics->items, diagnostics->n, &diagnostics->room, sizeof item) < 0) {
        free_item(&item);
        diagnostics->n_dropped++;
        return;
    }
    diagnostics->items[diagnostics->n++] = item;
}

void hg_diagnostics_add(struct hg_diagnostics *diagnostics,
                        const char *file,
                        int line,
                        int column,
                        const char *hint,
                        const char *fmt,
                        ...)
{
    va_list args;
    va_start(args, fmt);
    hg_diagnostics_vadd(diagnostics, file, line, column, hint, fmt, args);
    va_end(args);
}

size_t hg_diagnostics_count(const struct hg_diagnostics *diagnostics)
{
    return diagnostics->n + diagnostics->n_dropped;
}

static int compare(const struct hg_diagnostic *x, const struct hg_diagnostic *y)
{
    int order = strcmp(x->file, y->file);
    order = order ? order : (x->line > y->line) - (x->line < y->line);
    order = order ? order : (x->column > y->column) - (x->column < y->column);
    return order ? order : (x > y) - (x < y);
}

static int by_place(const void *a, const void *b)
{
    return compare(*(const struct hg_diagnostic *const *)a,
                   *(const struct hg_diagnostic *const *)b);
}

const struct hg_diagnostic *hg_diagnostics_first(const struct hg_diagnostics *diagnostics)
{
    const struct hg_diagnostic *first = NULL;
    for (size_t i = 0; i < diagnostics->n; i++) {
        if (!first || compare(&diagnostics->items[i], first) < 0) {
            first = &diagnostics->items[i];
        }
    }
    return first;
}

/* Pointers to the items by file, line and column; NULL without memory. Owned by the caller. */
static const struct hg_diagnostic **sorted(const struct hg_diagnostics *diagnostics)
{
    const struct hg_diagnostic **list = calloc(diagnostics->n + 1, sizeof *list);
    if (list) {
        for (size_t i = 0; i < diagnostics->n; i++) {
            list[i] = &diagnostics->items[i];
        }
        qsort(list, diagnostics->n, sizeof *list, by_place);
    }
    return list;
}

void hg_diagnostics_print(const struct hg_diagnostics *diagnostics, FILE *to)
{
    HG_CLEANUP(hg_freep) const struct hg_diagnostic **list = sorted(diagnostics);
    for (size_t i = 0; i < diagnostics->n; i++) {
        const struct hg_diagnostic *item = list ? list[i] : &diagnostics->items[i];
        if (item->line > 0) {
            (void)fprintf(
                to, "%s:%d:%d: %s\n", item->file, item->line, item->column, item->message);
        } else {
            (void)fprintf(to, "%s: %s\n", item->file, item->message);
        }
        if (item->hint) {
            (void)fprintf(to, "    %s\n", item->hint);
        }
    }
    if (diagnostics->n_dropped > 0) {
        (void)fprintf(to, "%zu more, for which there was no memory\n", diagnostics->n_dropped);
    }
}

json_t *hg_diagnostics_to_json(const struct hg_diagnostics *diagnostics)
{
    HG_CLEANUP(hg_freep) const struct hg_diagnostic **list = sorted(diagnostics);
    HG_CLEANUP(hg_json_decrefp) json_t *array = json_array();
    if (!list || !array) {
        return NULL;
    }
    for (size_t i = 0; i < diagnostics->n; i++) {
        json_t *item = json_pack("{s:s, s:i, s:i, s:s, s:s?}",
                                 "file",
                                 list[i]->file,
                                 "line",
                                 list[i]->line,
                                 "column",
                                 list[i]->column,
                                 "message",
                                 list[i]->message,
                                 "hint",
                                 list[i]->hint);
        if (json_array_append_new(array, item) < 0) {
            return NULL;
        }
    }
    return HG_TAKE(array);
}
