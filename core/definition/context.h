/*
 * One pipeline file while it is read: what the parts of definition*.c share.
 */
#ifndef HG_DEFINITION_CONTEXT_H
#define HG_DEFINITION_CONTEXT_H

#include <stdbool.h>

#include <jansson.h>

#include "config/diagnostics.h"
#include "config/yaml.h"
#include "plugin/registry.h"

enum hg_job_type { HG_JOB_EXTRACT = 1, HG_JOB_CHECK, HG_JOB_TRANSFORM, HG_JOB_LOAD };

struct hg_job_needs {
    size_t *items; /* indexes of jobs */
    size_t n;
};

struct hg_definition_job {
    const char *id;       /* "" when the file gives none */
    int type;             /* enum hg_job_type; 0 when it could not be told */
    const json_t *source; /* as in the file */
    bool checks_table;    /* a check of what is stored */
    struct hg_job_needs needs;
    long from;   /* index of the job whose rows it takes, or -1 */
    long reader; /* index of the first job that takes its rows, or -1 */
    bool staged; /* who takes its rows takes them from a stage: the flow ends with this job */
    size_t task; /* index of its task */
    json_t *canonical;
};

struct hg_definition_context {
    const char *file;   /* absolute */
    const char *folder; /* of the file */
    const struct hg_yaml *yaml;
    const struct hg_plugin_registry *plugins;
    struct hg_diagnostics *diagnostics;
    json_t *source;        /* the file as JSON */
    json_t *params_schema; /* of the canonical definition */
    struct hg_definition_job *jobs;
    size_t n_jobs;
    bool no_memory;
};

/* A problem at a JSON pointer into the file; at its key when `at_key`, else at its value. */
void hg_definition_complain(struct hg_definition_context *context,
                            const char *pointer,
                            bool at_key,
                            const char *hint,
                            const char *fmt,
                            ...) HG_PRINTF(5, 6);

/* Room for the pointers that definition*.c make. */
#define HG_DEFINITION_POINTER 256

/*
 * Puts a new reference into an object; what can't be put is remembered as lack of memory, so that
 * a canonical form is put together without a test at each step.
 */
void hg_definition_put(struct hg_definition_context *context,
                       json_t *object,
                       const char *key,
                       json_t *value);
/* The text of a key, NULL when it is missing or no text. */
const char *hg_definition_text(const json_t *object, const char *key);

#endif
