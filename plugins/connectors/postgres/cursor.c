#include "cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"
#include "headgate/json.h"
#include "headgate/text.h"

#define HASH_DIGITS 32

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pg_hash));
}

/* ------------------------------------------------------------------------------------------ */
/* Reading                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status not_a_state(struct hg_error *err)
{
    return hg_fail(err, HG_EDATA, "the stored state is none of this source");
}

static bool read_hash(const char *hex, struct pg_hash *ret)
{
    uint64_t halves[2] = {0, 0};
    for (int i = 0; i < HASH_DIGITS; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = hex[i] ? strchr(digits, hex[i]) : NULL;
        if (!at) {
            return false;
        }
        halves[i / 16] = halves[i / 16] << 4 | (uint64_t)(at - digits);
    }
    *ret = (struct pg_hash){halves[0], halves[1]};
    return true;
}

static hg_status add_seen(struct pg_cursor *c, struct pg_hash hash, struct hg_error *err)
{
    if (c->n == c->room) {
        size_t room = c->room ? c->room * 2 : 16;
        struct pg_hash *seen = realloc(c->seen, room * sizeof *seen);
        if (!seen) {
            return hg_fail_nomem(err);
        }
        c->seen = seen;
        c->room = room;
    }
    c->seen[c->n++] = hash;
    return HG_OK;
}

struct raw {
    char *column;
    char *value;
    char *seen;
};

static const struct hg_config_field raw_fields[] = {
    {.key = "column",
     .type = HG_CONFIG_TEXT,
     .offset = offsetof(struct raw, column),
     .required = true},
    {.key = "value",
     .type = HG_CONFIG_TEXT,
     .offset = offsetof(struct raw, value),
     .required = true},
    {.key = "seen", .type = HG_CONFIG_TEXT, .offset = offsetof(struct raw, seen), .required = true},
};

static hg_status take_raw(struct raw *raw,
                          const char *column,
                          struct pg_cursor *c,
                          struct hg_error *err)
{
    size_t n = strlen(raw->seen);
    hg_status status = n % HASH_DIGITS == 0 ? HG_OK : not_a_state(err);
    if (strcmp(raw->column, column) != 0) {
        status = hg_fail(err,
                         HG_ECONFLICT,
                         "the stored state is of the cursor \"%s\", not of \"%s\"",
                         raw->column,
                         column);
        return hg_fail_hint(err, status, "Reset the source's state, or take the old cursor.");
    }
    for (size_t at = 0; at < n && !status; at += HASH_DIGITS) {
        struct pg_hash hash;
        status = read_hash(raw->seen + at, &hash) ? add_seen(c, hash, err) : not_a_state(err);
    }
    if (status) {
        return status;
    }
    c->known = malloc((c->n + 1) * sizeof *c->known);
    c->passed = calloc(c->n + 1, sizeof *c->passed);
    if (!c->known || !c->passed) {
        return hg_fail_nomem(err);
    }
    if (c->n > 0) {
        memcpy(c->known, c->seen, c->n * sizeof *c->known);
        qsort(c->known, c->n, sizeof *c->known, by_hash);
    }
    c->n_known = c->n;
    c->value = raw->value;
    raw->value = NULL;
    return HG_OK;
}

hg_status pg_cursor_read(const char *json,
                         const char *column,
                         struct pg_cursor *ret,
                         struct hg_error *err)
{
    struct raw raw = {0};
    struct pg_cursor c = {.last_n = -1};
    if (!json || strcmp(json, "null") == 0) {
        *ret = c;
        return HG_OK;
    }
    if (hg_config_read(json, raw_fields, 3, &raw, NULL)) {
        return not_a_state(err);
    }
    hg_status status = take_raw(&raw, column, &c, err);
    hg_config_free(raw_fields, 3, &raw);
    if (status) {
        pg_cursor_done(&c);
        return status;
    }
    *ret = c;
    return HG_OK;
}

void pg_cursor_done(struct pg_cursor *c)
{
    free(c->value);
    free(c->seen);
    free(c->known);
    free(c->passed);
    free(c->last);
    *c = (struct pg_cursor){.last_n = -1};
}

/* ------------------------------------------------------------------------------------------ */
/* Rows                                                                                         */
/* ------------------------------------------------------------------------------------------ */

/* Each known hash stands for one row, so equal rows without a key are counted. */
static bool pass(struct pg_cursor *c, struct pg_hash hash)
{
    size_t low = 0;
    size_t high = c->n_known;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_hash(&c->known[middle], &hash) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < c->n_known && by_hash(&c->known[low], &hash) == 0; low++) {
        if (!c->passed[low]) {
            c->passed[low] = true;
            return true;
        }
    }
    return false;
}

/* The value as text that goes back into the statement; malloc'ed, NULL without memory. */
static char *value_text(const struct pg_plan *plan, const struct pg_field *field)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return NULL;
    }
    pg_field_print(plan->columns[plan->cursor].code, field, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* The rows now have another value than the one before, or are the first ones. */
static hg_status next_value(struct pg_cursor *c,
                            const struct pg_plan *plan,
                            const struct pg_field *field,
                            struct hg_error *err)
{
    bool goes_on = false;
    if (c->last_n < 0 && c->value) {
        char *text = value_text(plan, field);
        if (!text) {
            return hg_fail_nomem(err);
        }
        goes_on = strcmp(c->value, text) == 0;
        free(text);
    }
    if (field->n > c->last_room || !c->last) {
        char *last = realloc(c->last, (size_t)field->n + 16);
        if (!last) {
            return hg_fail_nomem(err);
        }
        c->last = last;
        c->last_room = field->n + 15;
    }
    memcpy(c->last, field->at, (size_t)field->n);
    c->last_n = field->n;
    if (!goes_on) {
        c->n = 0;
        c->n_known = 0;
    }
    return HG_OK;
}

hg_status pg_cursor_row(struct pg_cursor *c,
                        const struct pg_plan *plan,
                        const struct pg_field *fields,
                        bool *ret_pass,
                        struct hg_error *err)
{
    const struct pg_field *field = &fields[plan->cursor];
    if (field->n < 0) {
        return hg_fail(err, HG_EDATA, "a row without a value in its cursor was sent");
    }
    bool same = c->last_n == field->n && memcmp(c->last, field->at, (size_t)field->n) == 0;
    hg_status status = same ? HG_OK : next_value(c, plan, field, err);
    if (status) {
        return status;
    }
    struct pg_hash hash = pg_row_hash(plan, fields);
    *ret_pass = c->n_known > 0 && pass(c, hash);
    return *ret_pass ? HG_OK : add_seen(c, hash, err);
}

/* ------------------------------------------------------------------------------------------ */
/* Writing                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            fprintf(out, "\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)*text);
        } else {
            fputc(*text, out);
        }
    }
    fputc('"', out);
}

hg_status pg_cursor_put(struct pg_cursor *c,
                        const struct pg_plan *plan,
                        const struct hg_host *host,
                        struct hg_error *err)
{
    const struct hg_state *services = host->get_extension(host, HG_EXT_STATE);
    if (c->last_n < 0) {
        return HG_OK; /* there was no row: the old state stays */
    }
    const struct pg_field last = {(const unsigned char *)c->last, c->last_n};
    char *value = value_text(plan, &last);
    if (!value) {
        return hg_fail_nomem(err);
    }
    free(c->value);
    c->value = value;
    if (!services) {
        return hg_fail(err, HG_ENOTSUP, "the host does not offer " HG_EXT_STATE);
    }
    char *json = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&json, &n);
    if (!out) {
        return hg_fail_nomem(err);
    }
    fputs("{\"column\":", out);
    put_string(out, plan->columns[plan->cursor].name);
    fputs(",\"value\":", out);
    put_string(out, c->value);
    fputs(",\"seen\":\"", out);
    for (size_t i = 0; i < c->n; i++) {
        fprintf(out, "%016" PRIx64 "%016" PRIx64, c->seen[i].high, c->seen[i].low);
    }
    fputs("\"}", out);
    if (fclose(out) != 0) {
        free(json);
        return hg_fail_nomem(err);
    }
    hg_status status = HG_OK;
    if (n >= HG_STATE_BYTES_MAX) {
        hg_fail(err, HG_ETOOBIG, "over %zu rows share the cursor's value %s", c->n, c->value);
        status = hg_fail_hint(err, HG_ETOOBIG, "Choose a cursor with more values.");
    } else {
        status = services->put(host, json, err);
    }
    free(json);
    return status;
}
