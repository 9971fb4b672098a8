/*
 * What a job does: plugins and their configuration, tables, SQL.
 */
#ifndef HG_DEFINITION_JOBS_H
#define HG_DEFINITION_JOBS_H

#include "definition/context.h"

/* Makes context->jobs from the file: ids, types, canonical forms without needs and from. */
void hg_definition_read_jobs(struct hg_definition_context *context);
void hg_definition_free_jobs(struct hg_definition_context *context);

/* What of missed times runs late, as far as it is given: a definition without it stays as it was.
 */
void hg_definition_read_missed(struct hg_definition_context *context, json_t *canonical);
/*
 * `retries` and `timeout` of the pipeline or of a job (the object at `pointer`) into `canonical`,
 * as far as they are given.
 */
void hg_definition_read_limits(struct hg_definition_context *context,
                               const json_t *source,
                               const char *pointer,
                               json_t *canonical);

const char *hg_definition_type_name(int type);

#endif
