#include "columns.h"

#include <stdio.h>
#include <stdlib.h>

#include "headgate/error.h"
#include "headgate/json.h"
#include "headgate/text.h"

/* One column as the JSON has it. */
struct raw_column {
    char *type;
    char *source; /* JSON */
    char *path;
    char *format;
    struct hg_config_list missing;
    bool required;
};

#define FIELD(KEY, TYPE, MEMBER) \
    .key = (KEY), .type = (TYPE), .offset = offsetof(struct raw_column, MEMBER)

static const struct hg_config_field raw_fields[] = {
    {FIELD("type", HG_CONFIG_TEXT, type), .required = true},
    {FIELD("source", HG_CONFIG_JSON, source)},
    {FIELD("path", HG_CONFIG_TEXT, path)},
    {FIELD("format", HG_CONFIG_TEXT, format)},
    {FIELD("missing", HG_CONFIG_TEXTS, missing)},
    {FIELD("required", HG_CONFIG_BOOL, required)},
};

#define N_RAW_FIELDS (sizeof raw_fields / sizeof raw_fields[0])

void src_type_text(const struct src_column *column, char *buf, size_t size)
{
    const struct hg_column as = {
        .type = column->type, .precision = column->precision, .scale = column->scale};
    hg_type_format(&as, buf, size);
}

/* ------------------------------------------------------------------------------------------ */
/* Missing markers                                                                              */
/* ------------------------------------------------------------------------------------------ */

bool src_is_marker(const struct src_markers *markers, const char *text, size_t n)
{
    if (n == 0) {
        return markers->empty;
    }
    if (!markers->first[(unsigned char)text[0]]) {
        return false;
    }
    for (size_t i = 0; i < markers->n; i++) {
        if (strlen(markers->texts[i]) == n && memcmp(markers->texts[i], text, n) == 0) {
            return true;
        }
    }
    return false;
}

static hg_status add_markers(struct src_markers *markers,
                             const struct hg_config_list *list,
                             struct hg_error *err)
{
    if (list->n == 0) {
        return HG_OK;
    }
    char **texts = realloc(markers->texts, (markers->n + list->n) * sizeof *texts);
    if (!texts) {
        return hg_fail_nomem(err);
    }
    markers->texts = texts;
    for (size_t i = 0; i < list->n; i++) {
        const char *text = ((char *const *)list->items)[i];
        texts[markers->n] = strdup(text);
        if (!texts[markers->n]) {
            return hg_fail_nomem(err);
        }
        markers->n++;
        markers->first[(unsigned char)text[0]] = true;
        markers->empty |= !text[0];
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* One column                                                                                   */
/* ------------------------------------------------------------------------------------------ */

/* The name as a part of a JSON pointer. */
static void escape_name(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *name && n + 3 < size; name++) {
        bool special = *name == '~' || *name == '/';
        out[n++] = special ? '~' : *name;
        if (special) {
            out[n++] = *name == '~' ? '0' : '1';
        }
    }
    out[n] = '\0';
}

static hg_status wrong(struct hg_error *err, const char *name, const char *key, const char *what)
{
    char escaped[96];
    escape_name(name, escaped, sizeof escaped);
    hg_fail(err, HG_EINVAL, "column \"%s\": %s", name, what);
    return hg_fail_pointer(err, HG_EINVAL, "/columns/%s%s", escaped, key);
}

static bool read_type(const char *text, struct src_column *column)
{
    struct hg_column as;
    if (!hg_type_parse(text, &as) || as.type == HG_TYPE_BINARY) {
        return false;
    }
    column->type = as.type;
    column->precision = as.precision;
    column->scale = as.scale;
    return true;
}

static hg_status read_format(const char *own,
                             const struct src_column_defaults *defaults,
                             struct src_column *column,
                             struct hg_error *err)
{
    bool is_date = column->type == HG_TYPE_DATE32;
    if (!is_date && column->type != HG_TYPE_TIMESTAMP_US) {
        return own ? wrong(err, column->name, "/format", "only dates and timestamps have a format")
                   : HG_OK;
    }
    const char *text = is_date ? defaults->date_format : defaults->timestamp_format;
    if (own) {
        text = own;
    }
    if (!text || !text[0]) {
        return HG_OK;
    }
    const char *why = src_time_format_compile(text, is_date, &column->format);
    if (why) {
        return wrong(err, column->name, "/format", why);
    }
    if (column->format.has_zone && !defaults->zoned) {
        return wrong(
            err, column->name, "/format", "the format has a time zone, but timezone is none");
    }
    column->format_text = strdup(text);
    return column->format_text ? HG_OK : hg_fail_nomem(err);
}

/* A name, or the number of a field. */
static hg_status read_source(const char *json, struct src_column *column, struct hg_error *err)
{
    struct hg_json_reader *reader;
    struct hg_json_token token;
    int64_t position = 0;
    hg_status status = hg_json_reader_text(NULL, json, strlen(json), &reader, err);
    if (status) {
        return status;
    }
    status = hg_json_next(reader, &token, err);
    if (!status && token.type == HG_JSON_STRING) {
        column->source = hg_text_copy(token.text, token.n);
        status = column->source ? HG_OK : hg_fail_nomem(err);
    } else if (!status) {
        if (token.type != HG_JSON_NUMBER || hg_json_int64(&token, &position, NULL) ||
            position < 1 || position > 65536) {
            status = wrong(err,
                           column->name,
                           "/source",
                           "the source is neither a name nor a number from 1 to 65536");
        }
        column->position = (uint32_t)position;
    }
    hg_json_reader_free(reader);
    return status;
}

static hg_status read_place(const struct raw_column *raw,
                            const struct src_column_defaults *defaults,
                            struct src_column *column,
                            struct hg_error *err)
{
    if (defaults->json ? raw->source != NULL : raw->path != NULL) {
        return defaults->json
                   ? wrong(err, column->name, "/source", "fields of JSON have a path, no source")
                   : wrong(err, column->name, "/path", "fields of CSV have a source, no path");
    }
    if (raw->path) {
        column->has_path = true;
        column->source = strdup(raw->path);
        return column->source ? HG_OK : hg_fail_nomem(err);
    }
    return raw->source ? read_source(raw->source, column, err) : HG_OK;
}

static hg_status read_column(const struct raw_column *raw,
                             const struct src_column_defaults *defaults,
                             struct src_column *column,
                             struct hg_error *err)
{
    column->required = raw->required;
    column->json = defaults->json && strcmp(raw->type, "json") == 0;
    if (!read_type(column->json ? "utf8" : raw->type, column)) {
        hg_status status = wrong(err, column->name, "/type", "this is no type");
        return hg_fail_hint(err,
                            status,
                            "Types are bool, int32, int64, float64, decimal(precision,scale), "
                            "utf8, %sdate and timestamp.",
                            defaults->json ? "json, " : "");
    }
    hg_status status = read_format(raw->format, defaults, column, err);
    if (!status) {
        status = read_place(raw, defaults, column, err);
    }
    if (!status) {
        status = add_markers(&column->missing, defaults->missing, err);
    }
    if (!status) {
        status = add_markers(&column->missing, &raw->missing, err);
    }
    if (!status && defaults->header && !column->source && !column->position) {
        column->source = strdup(column->name);
        status = column->source ? HG_OK : hg_fail_nomem(err);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* All columns                                                                                  */
/* ------------------------------------------------------------------------------------------ */

struct list {
    struct src_column *columns;
    size_t n;
    size_t room;
};

static hg_status add_column(struct list *list,
                            const struct hg_json_token *key,
                            struct hg_error *err)
{
    if (list->n == list->room) {
        size_t room = list->room ? list->room * 2 : 8;
        struct src_column *columns = realloc(list->columns, room * sizeof *columns);
        if (!columns) {
            return hg_fail_nomem(err);
        }
        list->columns = columns;
        list->room = room;
    }
    struct src_column *column = &list->columns[list->n];
    memset(column, 0, sizeof *column);
    column->name = hg_text_copy(key->text, key->n);
    if (!column->name) {
        return hg_fail_nomem(err);
    }
    list->n++;
    if (!column->name[0]) {
        return wrong(err, column->name, "", "a column needs a name");
    }
    for (size_t i = 0; i + 1 < list->n; i++) {
        if (strcmp(list->columns[i].name, column->name) == 0) {
            return wrong(err, column->name, "", "there are two of that name");
        }
    }
    return HG_OK;
}

/* The value behind a column's name. */
static hg_status take_value(struct hg_json_reader *reader,
                            const struct src_column_defaults *defaults,
                            struct src_column *column,
                            struct hg_error *err)
{
    struct hg_json_token token;
    struct raw_column raw = {0};
    hg_status status = hg_json_next(reader, &token, err);
    if (status) {
        return status;
    }
    if (token.type == HG_JSON_STRING) {
        raw.type = hg_text_copy(token.text, token.n);
        status = raw.type ? HG_OK : hg_fail_nomem(err);
    } else if (token.type == HG_JSON_OBJECT_BEGIN) {
        hg_json_capture(reader);
        status = hg_json_next(reader, &token, err);
        char *json = status ? NULL : hg_text_copy(token.text, token.n);
        if (!status) {
            status = json ? hg_config_read(json, raw_fields, N_RAW_FIELDS, &raw, err)
                          : hg_fail_nomem(err);
        }
        free(json);
    } else {
        return wrong(err, column->name, "", "neither a type nor an object with a type");
    }
    if (!status) {
        status = read_column(&raw, defaults, column, err);
    }
    hg_config_free(raw_fields, N_RAW_FIELDS, &raw);
    return status;
}

static hg_status take_columns(struct hg_json_reader *reader,
                              const struct src_column_defaults *defaults,
                              struct list *list,
                              struct hg_error *err)
{
    struct hg_json_token token;
    hg_status status = hg_json_next(reader, &token, err);
    if (!status && token.type != HG_JSON_OBJECT_BEGIN) {
        hg_fail(err, HG_EINVAL, "columns is not an object");
        return hg_fail_pointer(err, HG_EINVAL, "/columns");
    }
    while (!status) {
        status = hg_json_next(reader, &token, err);
        if (!status && token.type != HG_JSON_KEY) {
            break;
        }
        if (!status) {
            status = add_column(list, &token, err);
        }
        if (!status) {
            status = take_value(reader, defaults, &list->columns[list->n - 1], err);
        }
    }
    return status;
}

/* Without a header a column that says nothing stands at its place in the list. */
static void place(struct list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!list->columns[i].source && !list->columns[i].position) {
            list->columns[i].position = (uint32_t)i + 1;
        }
    }
}

static hg_status check_sources(const struct list *list, bool header, struct hg_error *err)
{
    for (size_t i = 0; i < list->n && !header; i++) {
        if (list->columns[i].source) {
            return wrong(err,
                         list->columns[i].name,
                         "/source",
                         "without a header the source is the number of a field");
        }
    }
    return HG_OK;
}

hg_status src_columns_read(const char *json,
                           const struct src_column_defaults *defaults,
                           struct src_column **ret,
                           size_t *ret_n,
                           struct hg_error *err)
{
    struct list list = {0};
    struct hg_json_reader *reader;
    hg_status status = hg_json_reader_text(NULL, json, strlen(json), &reader, err);
    if (status) {
        return status;
    }
    status = take_columns(reader, defaults, &list, err);
    hg_json_reader_free(reader);
    if (!status && list.n == 0) {
        hg_fail(err, HG_EINVAL, "columns names no column");
        status = hg_fail_pointer(err, HG_EINVAL, "/columns");
    }
    if (!status) {
        status = check_sources(&list, defaults->header, err);
    }
    if (status) {
        src_columns_free(list.columns, list.n);
        return status;
    }
    place(&list);
    *ret = list.columns;
    *ret_n = list.n;
    return HG_OK;
}

void src_columns_free(struct src_column *columns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct src_column *c = &columns[i];
        for (size_t j = 0; j < c->missing.n; j++) {
            free(c->missing.texts[j]);
        }
        free(c->missing.texts);
        free(c->name);
        free(c->source);
        free(c->format_text);
    }
    free(columns);
}
