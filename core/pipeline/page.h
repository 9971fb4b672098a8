/*
 * Pages of what belongs to a pipeline.
 */
#ifndef HG_PIPELINE_PAGE_H
#define HG_PIPELINE_PAGE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"
#include "pipeline/service.h"
#include "store/db.h"
#include "store/page.h"

/*
 * A page of what belongs to a pipeline. `list` takes its id, the cursor, the limit and, where it
 * has four parameters, `filter` (may be NULL). HG_ENOTFOUND when there is no such pipeline.
 */
int hg_page_of_pipeline(struct hg_pipelines *service,
                        const struct hg_statement *list,
                        const char *pipeline_id,
                        const char *filter,
                        const struct hg_page *page,
                        bool (*is_key)(const char *text),
                        json_t **ret,
                        struct hg_error *err);

#endif
