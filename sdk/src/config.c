#include "headgate/config.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"
#include "headgate/json.h"

/* What one read needs everywhere. */
struct scan {
    const char *json;
    struct hg_json_reader *reader;
    struct hg_error *err;
    char pointer[128]; /* of the value at hand */
    size_t n_pointer;
};

static hg_status read_fields(struct scan *scan,
                             const struct hg_config_field *fields,
                             size_t n_fields,
                             char *base);

/* ------------------------------------------------------------------------------------------ */
/* Pointers and errors                                                                          */
/* ------------------------------------------------------------------------------------------ */

/* Adds "/<key>" with ~ and / escaped, as far as there is room. Returns the length before. */
static size_t pointer_push(struct scan *scan, const char *key, size_t n)
{
    size_t before = scan->n_pointer;
    size_t room = sizeof scan->pointer - 3;
    if (scan->n_pointer < room) {
        scan->pointer[scan->n_pointer++] = '/';
    }
    for (size_t i = 0; i < n && scan->n_pointer < room; i++) {
        bool special = key[i] == '~' || key[i] == '/';
        scan->pointer[scan->n_pointer++] = special ? '~' : key[i];
        if (special) {
            scan->pointer[scan->n_pointer++] = key[i] == '~' ? '0' : '1';
        }
    }
    scan->pointer[scan->n_pointer] = '\0';
    return before;
}

static void pointer_pop(struct scan *scan, size_t before)
{
    scan->n_pointer = before;
    scan->pointer[before] = '\0';
}

static hg_status fail_here(struct scan *scan, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);
static hg_status fail_here(struct scan *scan, hg_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_fail_v(scan->err, code, fmt, args);
    va_end(args);
    return hg_fail_pointer(scan->err, code, "%s", scan->pointer);
}

static hg_status fail_type(struct scan *scan,
                           const struct hg_config_field *field,
                           const struct hg_json_token *token,
                           const char *wanted)
{
    return fail_here(scan,
                     HG_EINVAL,
                     "\"%s\" wants %s and is %s",
                     field->key,
                     wanted,
                     hg_json_type_name(token->type));
}

static hg_status next(struct scan *scan, struct hg_json_token *token)
{
    hg_status status = hg_json_next(scan->reader, token, scan->err);
    if (status == HG_EDATA || status == HG_ETOOBIG) {
        hg_fail_prefix(scan->err, status, "the configuration");
        return status;
    }
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Values                                                                                       */
/* ------------------------------------------------------------------------------------------ */

/* *at is replaced, what stood there is freed. */
static hg_status put_text(struct scan *scan, char **at, const char *text, size_t n)
{
    char *copy = malloc(n + 1);
    if (!copy) {
        return hg_fail_nomem(scan->err);
    }
    if (n > 0) {
        memcpy(copy, text, n);
    }
    copy[n] = '\0';
    free(*at);
    *at = copy;
    return HG_OK;
}

static hg_status read_text(struct scan *scan,
                           const struct hg_config_field *field,
                           const struct hg_json_token *token,
                           char **at)
{
    if (token->type != HG_JSON_STRING) {
        return fail_type(scan, field, token, "a text");
    }
    if (memchr(token->text, '\0', token->n)) {
        return fail_here(scan, HG_EINVAL, "\"%s\" holds the character U+0000", field->key);
    }
    return put_text(scan, at, token->text, token->n);
}

static hg_status read_enum(struct scan *scan,
                           const struct hg_config_field *field,
                           const struct hg_json_token *token,
                           int32_t *at)
{
    if (token->type != HG_JSON_STRING) {
        return fail_type(scan, field, token, "a text");
    }
    for (int32_t i = 0; field->names[i]; i++) {
        if (hg_json_is(token, field->names[i])) {
            *at = i;
            return HG_OK;
        }
    }
    int n = token->n < 64 ? (int)token->n : 64;
    return fail_here(scan, HG_EINVAL, "\"%s\" does not know \"%.*s\"", field->key, n, token->text);
}

static hg_status read_integer(struct scan *scan,
                              const struct hg_config_field *field,
                              const struct hg_json_token *token,
                              char *at)
{
    int64_t value;
    if (token->type != HG_JSON_NUMBER) {
        return fail_type(scan, field, token, "an integer");
    }
    bool small = field->type == HG_CONFIG_INT32;
    if (hg_json_int64(token, &value, NULL) || (small && (value < INT32_MIN || value > INT32_MAX))) {
        return fail_here(scan,
                         HG_EINVAL,
                         "\"%s\" wants an integer of %d bits and is %.*s",
                         field->key,
                         small ? 32 : 64,
                         token->n < 64 ? (int)token->n : 64,
                         token->text);
    }
    int32_t value32 = (int32_t)value;
    memcpy(at, small ? (const void *)&value32 : &value, small ? sizeof value32 : sizeof value);
    return HG_OK;
}

static hg_status read_scalar(struct scan *scan,
                             const struct hg_config_field *field,
                             const struct hg_json_token *token,
                             char *at)
{
    if (field->type == HG_CONFIG_BOOL) {
        if (token->type != HG_JSON_TRUE && token->type != HG_JSON_FALSE) {
            return fail_type(scan, field, token, "true or false");
        }
        *(bool *)at = token->type == HG_JSON_TRUE;
        return HG_OK;
    }
    if (field->type == HG_CONFIG_FLOAT64) {
        double value;
        if (hg_json_float64(token, &value, NULL)) {
            return fail_type(scan, field, token, "a number that a float64 holds");
        }
        memcpy(at, &value, sizeof value);
        return HG_OK;
    }
    return read_integer(scan, field, token, at);
}

/* The value as it stands in the configuration's text. */
static hg_status read_json(struct scan *scan, const struct hg_json_token *token, char **at)
{
    struct hg_json_token whole = *token;
    if (token->type == HG_JSON_OBJECT_BEGIN || token->type == HG_JSON_ARRAY_BEGIN) {
        hg_json_capture(scan->reader);
        hg_status status = next(scan, &whole);
        if (status) {
            return status;
        }
        return put_text(scan, at, whole.text, whole.n);
    }
    return put_text(scan, at, scan->json + whole.offset, (size_t)(whole.end - whole.offset));
}

/* ------------------------------------------------------------------------------------------ */
/* Lists                                                                                        */
/* ------------------------------------------------------------------------------------------ */

/* One more zeroed item at the end of a list; NULL when there is no memory. */
static char *list_add(struct hg_config_list *list, size_t item_size)
{
    if (list->n > (SIZE_MAX - item_size) / item_size) {
        return NULL;
    }
    char *items = realloc(list->items, (list->n + 1) * item_size);
    if (!items) {
        return NULL;
    }
    list->items = items;
    char *item = items + list->n * item_size;
    memset(item, 0, item_size);
    list->n++;
    return item;
}

static hg_status read_list_item(struct scan *scan,
                                const struct hg_config_field *field,
                                const struct hg_json_token *token,
                                struct hg_config_list *list)
{
    bool objects = field->type == HG_CONFIG_OBJECTS;
    if (objects && token->type != HG_JSON_OBJECT_BEGIN) {
        return fail_type(scan, field, token, "a list of objects");
    }
    char *item = list_add(list, objects ? field->item_size : sizeof(char *));
    if (!item) {
        return hg_fail_nomem(scan->err);
    }
    if (objects) {
        return read_fields(scan, field->fields, field->n_fields, item);
    }
    return read_text(scan, field, token, (char **)(void *)item);
}

static hg_status read_list(struct scan *scan,
                           const struct hg_config_field *field,
                           struct hg_json_token *token,
                           struct hg_config_list *list)
{
    if (field->type == HG_CONFIG_TEXTS && token->type == HG_JSON_STRING) {
        return read_list_item(scan, field, token, list);
    }
    if (token->type != HG_JSON_ARRAY_BEGIN) {
        return fail_type(scan, field, token, "a list");
    }
    for (unsigned i = 0;; i++) {
        hg_status status = next(scan, token);
        if (status || token->type == HG_JSON_ARRAY_END) {
            return status;
        }
        char index[16];
        size_t n = 0;
        for (unsigned left = i, digits = 1; digits; left /= 10, digits = left > 0) {
            memmove(index + 1, index, n++);
            index[0] = (char)('0' + left % 10);
        }
        size_t before = pointer_push(scan, index, n);
        status = read_list_item(scan, field, token, list);
        if (status) {
            return status;
        }
        pointer_pop(scan, before);
    }
}

static hg_status read_map(struct scan *scan,
                          const struct hg_config_field *field,
                          struct hg_json_token *token,
                          struct hg_config_list *list)
{
    if (token->type != HG_JSON_OBJECT_BEGIN) {
        return fail_type(scan, field, token, "an object");
    }
    for (;;) {
        hg_status status = next(scan, token);
        if (status || token->type == HG_JSON_OBJECT_END) {
            return status;
        }
        struct hg_config_pair *pair = (void *)list_add(list, sizeof *pair);
        if (!pair) {
            return hg_fail_nomem(scan->err);
        }
        size_t before = pointer_push(scan, token->text, token->n);
        status = put_text(scan, &pair->key, token->text, token->n);
        if (!status) {
            status = next(scan, token);
        }
        if (!status) {
            status = read_text(scan, field, token, &pair->value);
        }
        if (status) {
            return status;
        }
        pointer_pop(scan, before);
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Objects                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status read_value(struct scan *scan,
                            const struct hg_config_field *field,
                            struct hg_json_token *token,
                            char *at)
{
    switch (field->type) {
    case HG_CONFIG_TEXT:
        return read_text(scan, field, token, (char **)(void *)at);
    case HG_CONFIG_ENUM:
        return read_enum(scan, field, token, (int32_t *)(void *)at);
    case HG_CONFIG_JSON:
        return read_json(scan, token, (char **)(void *)at);
    case HG_CONFIG_TEXTS:
    case HG_CONFIG_OBJECTS:
        return read_list(scan, field, token, (struct hg_config_list *)(void *)at);
    case HG_CONFIG_MAP:
        return read_map(scan, field, token, (struct hg_config_list *)(void *)at);
    case HG_CONFIG_OBJECT:
        if (token->type != HG_JSON_OBJECT_BEGIN) {
            return fail_type(scan, field, token, "an object");
        }
        return read_fields(scan, field->fields, field->n_fields, at);
    default:
        return read_scalar(scan, field, token, at);
    }
}

/* After a key: its field's value. */
static hg_status read_member(struct scan *scan,
                             const struct hg_config_field *fields,
                             size_t n_fields,
                             struct hg_json_token *token,
                             char *base,
                             uint64_t *seen)
{
    size_t before = pointer_push(scan, token->text, token->n);
    size_t i = 0;
    while (i < n_fields && !hg_json_is(token, fields[i].key)) {
        i++;
    }
    if (i == n_fields) {
        int n = token->n < 64 ? (int)token->n : 64;
        return fail_here(scan, HG_EINVAL, "\"%.*s\" is no known key", n, token->text);
    }
    if (*seen >> i & 1) {
        return fail_here(scan, HG_EINVAL, "\"%s\" is there twice", fields[i].key);
    }
    hg_status status = next(scan, token);
    if (!status && token->type != HG_JSON_NULL) {
        *seen |= (uint64_t)1 << i;
        status = read_value(scan, &fields[i], token, base + fields[i].offset);
    }
    if (!status) {
        pointer_pop(scan, before);
    }
    return status;
}

/* After the begin of an object, up to its end. */
static hg_status read_fields(struct scan *scan,
                             const struct hg_config_field *fields,
                             size_t n_fields,
                             char *base)
{
    uint64_t seen = 0;
    if (n_fields > 64) {
        return hg_fail(scan->err, HG_EINTERNAL, "a table of fields has more than 64 rows");
    }
    for (;;) {
        struct hg_json_token token;
        hg_status status = next(scan, &token);
        if (status) {
            return status;
        }
        if (token.type == HG_JSON_OBJECT_END) {
            break;
        }
        status = read_member(scan, fields, n_fields, &token, base, &seen);
        if (status) {
            return status;
        }
    }
    for (size_t i = 0; i < n_fields; i++) {
        if (fields[i].required && !(seen >> i & 1)) {
            pointer_push(scan, fields[i].key, strlen(fields[i].key));
            return fail_here(scan, HG_EINVAL, "\"%s\" is missing", fields[i].key);
        }
    }
    return HG_OK;
}

hg_status hg_config_read(const char *json,
                         const struct hg_config_field *fields,
                         size_t n_fields,
                         void *config,
                         struct hg_error *err)
{
    struct scan scan = {.json = json, .err = err};
    hg_status status = hg_json_reader_text(NULL, json, strlen(json), &scan.reader, err);
    if (status) {
        return status;
    }
    struct hg_json_token token;
    status = next(&scan, &token);
    if (!status && token.type != HG_JSON_OBJECT_BEGIN) {
        status = fail_here(&scan,
                           HG_EINVAL,
                           "the configuration is %s where an object was expected",
                           hg_json_type_name(token.type));
    }
    if (!status) {
        status = read_fields(&scan, fields, n_fields, config);
    }
    if (!status) {
        status = next(&scan, &token);
    }
    hg_json_reader_free(scan.reader);
    if (status) {
        hg_config_free(fields, n_fields, config);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Freeing                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static void free_list(const struct hg_config_field *field, struct hg_config_list *list)
{
    char *items = list->items;
    for (size_t i = 0; i < list->n; i++) {
        if (field->type == HG_CONFIG_OBJECTS) {
            hg_config_free(field->fields, field->n_fields, items + i * field->item_size);
        } else if (field->type == HG_CONFIG_MAP) {
            struct hg_config_pair *pair = (struct hg_config_pair *)list->items + i;
            free(pair->key);
            free(pair->value);
        } else {
            free(((char **)list->items)[i]);
        }
    }
    free(list->items);
    *list = (struct hg_config_list){NULL, 0};
}

void hg_config_free(const struct hg_config_field *fields, size_t n_fields, void *config)
{
    for (size_t i = 0; i < n_fields; i++) {
        char *at = (char *)config + fields[i].offset;
        switch (fields[i].type) {
        case HG_CONFIG_TEXT:
        case HG_CONFIG_JSON: {
            char **text = (char **)(void *)at;
            free(*text);
            *text = NULL;
            break;
        }
        case HG_CONFIG_TEXTS:
        case HG_CONFIG_OBJECTS:
        case HG_CONFIG_MAP:
            free_list(&fields[i], (struct hg_config_list *)(void *)at);
            break;
        case HG_CONFIG_OBJECT:
            hg_config_free(fields[i].fields, fields[i].n_fields, at);
            break;
        default:
            break;
        }
    }
}
