/*
 * One validation in progress: what the keywords of JSON Schema share.
 */
#ifndef HG_BASE_SCHEMA_RUN_H
#define HG_BASE_SCHEMA_RUN_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/schema_report.h"

struct hg_schema_run;

struct hg_schema_keyword {
    const char *name;
    void (*apply)(struct hg_schema_run *run,
                  const json_t *schema,
                  const json_t *keyword,
                  const json_t *value);
};

struct hg_schema_run {
    const struct hg_schema_keyword *keywords; /* in the order in which they are applied */
    size_t n_keywords;
    const json_t *root;
    hg_schema_report *report; /* NULL while only the count matters */
    void *arg;
    struct hg_buf pointer;
    int violations;
    int depth;
    long steps_left;
    bool secret; /* the value is under writeOnly */
    bool failed; /* no memory */
};

/* Validates `value` against a subschema. */
void hg_schema_run_validate(struct hg_schema_run *run, const json_t *schema, const json_t *value);
/* The same for a property or an item of the value at hand. */
void hg_schema_run_key(struct hg_schema_run *run,
                       const json_t *schema,
                       const char *key,
                       const json_t *value);
void hg_schema_run_index(struct hg_schema_run *run,
                         const json_t *schema,
                         size_t index,
                         const json_t *value);
/* Counts the violations of a subschema without reporting them. */
int hg_schema_run_count(struct hg_schema_run *run, const json_t *schema, const json_t *value);

/* Appends a step to run->pointer; give what it returns to hg_schema_run_leave. */
size_t hg_schema_run_enter(struct hg_schema_run *run, const char *key);
void hg_schema_run_leave(struct hg_schema_run *run, size_t mark);

/* Reports a violation; frees `detail`. */
void hg_schema_run_report(struct hg_schema_run *run, const char *hint, struct hg_buf *detail);
/* Reports "found <value>, expected <fmt>". */
void hg_schema_run_expected(struct hg_schema_run *run, const json_t *value, const char *fmt, ...)
    HG_PRINTF(3, 4);
/* Appends words for a value, none of its content when it is secret. */
void hg_schema_run_put_found(struct hg_schema_run *run, struct hg_buf *detail, const json_t *value);

#endif
