/*
 * Pages of a list.
 */
#ifndef HG_PIPELINE_PAGE_H
#define HG_PIPELINE_PAGE_H

#include <stdbool.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "base/error.h"
#include "pipeline/service.h"
#include "store/db.h"

/* HG_EINVAL when the page's cursor is none of the list's keys, by their form. */
int hg_page_check(const struct hg_page *page,
                  bool (*is_key)(const char *text),
                  struct hg_error *err);
/* The items' `cursor_key` of the last item becomes the next cursor when there were more. */
int hg_page_answer(PGresult *result,
                   const struct hg_page *page,
                   json_t **ret,
                   struct hg_error *err);
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
