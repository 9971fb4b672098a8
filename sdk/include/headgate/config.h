/*
 * Reading the configuration of an instance into a struct of the plugin, by a table.
 *
 *     struct source { char *path; int32_t mode; struct hg_config_list columns; };
 *
 *     static const struct hg_config_field column_fields[] = {
 *         {.key = "name", .type = HG_CONFIG_TEXT, .offset = offsetof(struct column, name),
 *          .required = true},
 *     };
 *     static const struct hg_config_field fields[] = {
 *         {.key = "path", .type = HG_CONFIG_TEXT, .offset = offsetof(struct source, path),
 *          .required = true},
 *         {.key = "mode", .type = HG_CONFIG_ENUM, .offset = offsetof(struct source, mode),
 *          .names = (const char *const[]){"fast", "exact", NULL}},
 *         {.key = "columns", .type = HG_CONFIG_OBJECTS, .offset = offsetof(struct source, columns),
 *          .fields = column_fields, .n_fields = 1, .item_size = sizeof(struct column)},
 *     };
 *
 *     struct source source = {0};
 *     status = hg_config_read(config_json, fields, 3, &source, err);
 *     ...
 *     hg_config_free(fields, 3, &source);
 *
 * The host has checked the text against the plugin's schema and filled in the defaults, so what is
 * left to find here is what the table and the schema say differently.
 */
#ifndef HEADGATE_CONFIG_H
#define HEADGATE_CONFIG_H

#include "headgate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

enum hg_config_type {
    HG_CONFIG_BOOL = 1, /* bool */
    HG_CONFIG_INT32,    /* int32_t */
    HG_CONFIG_INT64,    /* int64_t */
    HG_CONFIG_FLOAT64,  /* double */
    HG_CONFIG_TEXT,     /* char *, owned by the struct; text with a NUL inside is refused */
    HG_CONFIG_ENUM,     /* int32_t: the index in `names` */
    HG_CONFIG_TEXTS,    /* struct hg_config_list of char *: an array of texts, or one text */
    HG_CONFIG_OBJECT,   /* a struct inside the struct, read by `fields` */
    HG_CONFIG_OBJECTS,  /* struct hg_config_list of structs of item_size, zeroed, by `fields` */
    HG_CONFIG_MAP,      /* struct hg_config_list of struct hg_config_pair: an object of texts */
    HG_CONFIG_JSON      /* char *: the value as JSON text, whatever it is */
};

struct hg_config_list {
    void *items; /* owned by the struct */
    size_t n;
};

struct hg_config_pair {
    char *key;
    char *value;
};

struct hg_config_field {
    const char *key;
    int32_t type; /* enum hg_config_type */
    bool required;
    size_t offset;                        /* in the plugin's struct */
    const char *const *names;             /* HG_CONFIG_ENUM: ended by NULL */
    const struct hg_config_field *fields; /* HG_CONFIG_OBJECT, HG_CONFIG_OBJECTS */
    size_t n_fields;
    size_t item_size; /* HG_CONFIG_OBJECTS */
};

/*
 * Reads `json` into *config, which the caller has zeroed or filled with defaults (pointers: NULL).
 * A key that is missing or null leaves its field as it is. HG_EINVAL with err->pointer for a
 * missing required key, an unknown key, a key that is there twice or a value of a wrong type;
 * then what was read is freed. Lists and texts are owned by the struct: hg_config_free.
 */
hg_status hg_config_read(const char *json,
                         const struct hg_config_field *fields,
                         size_t n_fields,
                         void *config,
                         struct hg_error *err);
/* Frees what hg_config_read allocated and leaves NULL behind. */
void hg_config_free(const struct hg_config_field *fields, size_t n_fields, void *config);

#ifdef __cplusplus
}
#endif

#endif
