#include "header.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "headgate/error.h"
#include "headgate/text.h"

/* ------------------------------------------------------------------------------------------ */
/* Delimiters                                                                                   */
/* ------------------------------------------------------------------------------------------ */

#define SNIFF_ROWS 20

static uint32_t score(
    const struct csv_dialect *base, char delimiter, const char *buf, uint32_t n, bool last)
{
    struct csv_dialect dialect = *base;
    dialect.delimiter = delimiter;
    csv_dialect_prepare(&dialect);
    uint32_t fields = 0;
    uint32_t same = 0;
    uint32_t at = 0;
    for (int rows = 0; rows < SNIFF_ROWS && at < n; rows++) {
        struct csv_row row = {.max_cells = 0};
        if (csv_row_read(&dialect, buf, at, n, last, &row) != CSV_ROW_WHOLE) {
            break;
        }
        bool counts = row.end > at && (!dialect.comment || buf[at] != dialect.comment);
        if (counts && fields == 0) {
            fields = row.n;
        }
        same += counts && row.n == fields;
        at = row.next;
    }
    return fields > 1 ? same * 1000 + (fields < 1000 ? fields : 999) : 0;
}

char csv_sniff_delimiter(const struct csv_dialect *dialect, const char *buf, uint32_t n, bool last)
{
    static const char candidates[] = {',', ';', '\t', '|'};
    char best = ',';
    uint32_t best_score = 0;
    for (size_t i = 0; i < sizeof candidates; i++) {
        char c = candidates[i];
        if (c == dialect->quote || c == dialect->escape || c == dialect->comment) {
            continue;
        }
        uint32_t s = score(dialect, c, buf, n, last);
        if (s > best_score) {
            best = c;
            best_score = s;
        }
    }
    return best;
}

/* ------------------------------------------------------------------------------------------ */
/* Names                                                                                        */
/* ------------------------------------------------------------------------------------------ */

/* The names of a header. */
struct names {
    const struct csv_first *first;
    const char **texts; /* not ended by NUL */
    uint32_t *sizes;
    uint32_t n;
    char *unescaped;
};

static void names_done(struct names *names)
{
    free(names->texts);
    free(names->sizes);
    free(names->unescaped);
}

static hg_status names_take(const struct csv_first *first, struct names *ret, struct hg_error *err)
{
    const struct csv_row *row = first->row;
    struct names names = {
        .first = first,
        .texts = calloc(row->n, sizeof(char *)),
        .sizes = calloc(row->n, sizeof(uint32_t)),
        .n = row->n,
    };
    names.unescaped = malloc((size_t)(row->end - csv_cell_at(row->cells[0])) + 1);
    if (!names.texts || !names.sizes || !names.unescaped) {
        names_done(&names);
        return hg_fail_nomem(err);
    }
    size_t used = 0;
    for (uint32_t i = 0; i < row->n; i++) {
        uint64_t cell = row->cells[i];
        names.texts[i] = first->buf + csv_cell_at(cell);
        names.sizes[i] = csv_cell_n(cell);
        if (cell & CSV_CELL_ESCAPED) {
            names.texts[i] = names.unescaped + used;
            names.sizes[i] =
                csv_cell_unescape(first->dialect, first->buf, cell, names.unescaped + used);
            used += names.sizes[i];
        }
    }
    *ret = names;
    return HG_OK;
}

/* "a, b, c" as far as there is room. */
static void list_names(const struct names *names, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < names->n; i++) {
        size_t n = hg_text_utf8_prefix(names->texts[i], names->sizes[i]);
        if (at + n + 8 > size) {
            snprintf(out + at, size - at, "...");
            break;
        }
        int put =
            snprintf(out + at, size - at, "%s%.*s", i > 0 ? ", " : "", (int)n, names->texts[i]);
        at += (size_t)put;
    }
    for (char *p = out; *p; p++) {
        if ((unsigned char)*p < 0x20) {
            *p = ' ';
        }
    }
}

static bool name_is(const struct names *names, uint32_t i, const char *wanted)
{
    return strlen(wanted) == names->sizes[i] &&
           memcmp(names->texts[i], wanted, names->sizes[i]) == 0;
}

/* The name as someone may have meant it: with other capitals, or with spaces around. */
static bool name_is_like(const struct names *names, uint32_t i, const char *wanted)
{
    const char *text = names->texts[i];
    uint32_t n = names->sizes[i];
    while (n > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        n--;
    }
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) {
        n--;
    }
    return strlen(wanted) == n && strncasecmp(text, wanted, n) == 0;
}

static hg_status not_found(const struct names *names, const char *wanted, struct hg_error *err)
{
    char found[300];
    list_names(names, found, sizeof found);
    hg_fail(err,
            HG_EDATA,
            "%s:%lld: the header has no field \"%s\"; found: %s",
            names->first->shown,
            (long long)names->first->line,
            wanted,
            found);
    for (uint32_t i = 0; i < names->n; i++) {
        if (name_is_like(names, i, wanted)) {
            return hg_fail_hint(err,
                                HG_EDATA,
                                "Names are compared exactly: write \"%.*s\" as the source.",
                                (int)names->sizes[i],
                                names->texts[i]);
        }
    }
    if (names->n == 1) {
        return hg_fail_hint(err, HG_EDATA, "The header is a single field: is the delimiter right?");
    }
    return hg_fail_hint(
        err, HG_EDATA, "Correct the column's source, or set header to false if there is none.");
}

static hg_status find_name(const struct names *names,
                           const char *wanted,
                           uint32_t *ret_field,
                           struct hg_error *err)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < names->n; i++) {
        if (!name_is(names, i, wanted)) {
            continue;
        }
        if (found != UINT32_MAX) {
            hg_fail(err,
                    HG_EDATA,
                    "%s:%lld: the header has the field \"%s\" twice, as number %u and %u",
                    names->first->shown,
                    (long long)names->first->line,
                    wanted,
                    found + 1,
                    i + 1);
            return hg_fail_hint(err, HG_EDATA, "Give the number of the field as the source.");
        }
        found = i;
    }
    if (found == UINT32_MAX) {
        return not_found(names, wanted, err);
    }
    *ret_field = found;
    return HG_OK;
}

static int by_field(const void *a, const void *b)
{
    const struct csv_needed *x = a;
    const struct csv_needed *y = b;
    if (x->field != y->field) {
        return x->field < y->field ? -1 : 1;
    }
    return x->column < y->column ? -1 : x->column > y->column;
}

static hg_status match_columns(const struct names *names,
                               struct src_column *const *columns,
                               size_t n_columns,
                               struct csv_layout *layout,
                               struct hg_error *err)
{
    for (size_t i = 0; i < n_columns; i++) {
        const struct src_column *c = columns[i];
        uint32_t field = c->position - 1;
        if (c->source) {
            hg_status status = find_name(names, c->source, &field, err);
            if (status) {
                return status;
            }
        } else if (c->position > names->n) {
            hg_fail(err,
                    HG_EDATA,
                    "%s:%lld: column \"%s\" is field %u, but the row has %u",
                    names->first->shown,
                    (long long)names->first->line,
                    c->name,
                    c->position,
                    names->n);
            return hg_fail_hint(err, HG_EDATA, "Is the delimiter right?");
        }
        layout->needed[i] = (struct csv_needed){field, (uint32_t)i, c->type == HG_TYPE_UTF8};
    }
    layout->n_needed = (uint32_t)n_columns;
    qsort(layout->needed, n_columns, sizeof layout->needed[0], by_field);
    return HG_OK;
}

hg_status csv_header_match(const struct csv_first *first,
                           struct src_column *const *columns,
                           size_t n_columns,
                           struct csv_layout *layout,
                           struct hg_error *err)
{
    struct names names = {0};
    if (first->row->n > CSV_MAX_FIELDS) {
        return hg_fail(err,
                       HG_ETOOBIG,
                       "%s:%lld: the row has %u fields, more than %u",
                       first->shown,
                       (long long)first->line,
                       first->row->n,
                       CSV_MAX_FIELDS);
    }
    hg_status status = names_take(first, &names, err);
    if (status) {
        return status;
    }
    layout->n_fields = first->row->n;
    status = match_columns(&names, columns, n_columns, layout, err);
    names_done(&names);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Faults                                                                                       */
/* ------------------------------------------------------------------------------------------ */

void csv_fault_explain(enum csv_fault fault,
                       uint32_t detail,
                       const struct csv_layout *layout,
                       const struct csv_config *config,
                       int64_t row_offset,
                       char *out,
                       size_t size)
{
    long long byte = row_offset + detail + 1;
    switch (fault) {
    case CSV_FAULT_QUOTE_INSIDE:
        snprintf(out, size, "a quote inside an unquoted field, at byte %u of the row", detail + 1);
        break;
    case CSV_FAULT_UNTERMINATED:
        snprintf(out, size, "the quote at byte %u of the row is never closed", detail + 1);
        break;
    case CSV_FAULT_BEHIND_QUOTE:
        snprintf(out, size, "text behind a closing quote, at byte %u of the row", detail + 1);
        break;
    case CSV_FAULT_ESCAPE_END:
        snprintf(
            out, size, "nothing behind the escape character, at byte %u of the row", detail + 1);
        break;
    case CSV_FAULT_FIELDS:
        snprintf(out,
                 size,
                 "%u field%s found, %u expected",
                 detail,
                 detail == 1 ? "" : "s",
                 layout->n_fields);
        break;
    case CSV_FAULT_TEXT:
        snprintf(out,
                 size,
                 "not valid %s at byte %u of the row (byte %lld of the %s)",
                 src_encoding_names[config->common.encoding],
                 detail + 1,
                 byte,
                 config->common.encoding == SRC_UTF8 ? "text" : "recoded text");
        break;
    case CSV_FAULT_NUL:
        snprintf(out,
                 size,
                 "a NUL byte at byte %u of the row (byte %lld of the text)",
                 detail + 1,
                 byte);
        break;
    case CSV_FAULT_TOO_LONG:
        snprintf(out,
                 size,
                 "the row is longer than %lld bytes",
                 (long long)config->common.max_line_bytes);
        break;
    case CSV_SOUND:
        snprintf(out, size, "nothing is wrong");
        break;
    }
}
