#include "columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

enum { NAME_MAX_BYTES = 63, N_NEAREST = 3 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

static unsigned lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32u : c;
}

/* Edits between two names, of which the first 63 bytes count; case costs nothing. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_BYTES + 1];
    size_t n = strnlen(b, NAME_MAX_BYTES);
    for (unsigned k = 0; k <= n; k++) {
        row[k] = k;
    }
    for (unsigned i = 0; a[i] && i < NAME_MAX_BYTES; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < n; k++) {
            unsigned change = lower((unsigned char)a[i]) != lower((unsigned char)b[k]);
            unsigned next = min3(row[k] + 1, row[k + 1] + 1, diagonal + change);
            diagonal = row[k + 1];
            row[k + 1] = next;
        }
    }
    return row[n];
}

/* Keeps `name` when it is among the nearest so far, which stand in rising order. */
static void keep(const char **names, unsigned *distances, const char *name, unsigned d)
{
    for (int i = 0; i < N_NEAREST; i++) {
        if (!names[i] || d < distances[i]) {
            for (int k = N_NEAREST - 1; k > i; k--) {
                names[k] = names[k - 1];
                distances[k] = distances[k - 1];
            }
            names[i] = name;
            distances[i] = d;
            return;
        }
    }
}

static void nearest(const struct ArrowSchema *schema, const char *name, const char **names)
{
    unsigned distances[N_NEAREST] = {0};
    for (int64_t i = 0; i < schema->n_children; i++) {
        const char *other = schema->children[i]->name;
        if (strcmp(other, "_hg_pos") != 0) {
            keep(names, distances, other, distance(name, other));
        }
    }
}

hg_status rule_column_missing(const struct ArrowSchema *schema,
                              const char *name,
                              const char *pointer,
                              struct hg_error *err)
{
    const char *names[N_NEAREST] = {NULL};
    nearest(schema, name, names);
    hg_fail(err, HG_EINVAL, "there is no column \"%s\"", name);
    hg_fail_pointer(err, HG_EINVAL, "%s", pointer);
    if (!names[0]) {
        return hg_fail_hint(err, HG_EINVAL, "The rows have no columns.");
    }
    return hg_fail_hint(err,
                        HG_EINVAL,
                        "The nearest of the columns: \"%.63s\"%s%.63s%s%s%.63s%s.",
                        names[0],
                        names[1] ? ", \"" : "",
                        names[1] ? names[1] : "",
                        names[1] ? "\"" : "",
                        names[2] ? ", \"" : "",
                        names[2] ? names[2] : "",
                        names[2] ? "\"" : "");
}

hg_status rule_columns_find(const struct ArrowSchema *schema,
                            const struct hg_config_list *names,
                            const char *key,
                            bool index_in_pointer,
                            struct hg_view **ret,
                            struct hg_error *err)
{
    char *const *items = names->items;
    struct hg_view *views = calloc(names->n ? names->n : 1, sizeof *views);
    if (!views) {
        return hg_fail_nomem(err);
    }
    for (size_t i = 0; i < names->n; i++) {
        char pointer[64];
        (void)snprintf(pointer, sizeof pointer, index_in_pointer ? "/%s/%zu" : "/%s", key, i);
        int32_t column = hg_view_find(schema, items[i]);
        hg_status status = column < 0 ? rule_column_missing(schema, items[i], pointer, err)
                                      : hg_view_init(schema, column, &views[i], err);
        if (status) {
            if (column >= 0) {
                hg_fail_pointer(err, status, "%s", pointer);
            }
            free(views);
            return status;
        }
    }
    *ret = views;
    return HG_OK;
}
