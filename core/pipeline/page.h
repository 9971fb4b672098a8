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

/* HG_EINVAL when the page's cursor is none of the list's keys, by their form. */
int hg_page_check(const struct hg_page *page,
                  bool (*is_key)(const char *text),
                  struct hg_error *err);
/* The items' `cursor_key` of the last item becomes the next cursor when there were more. */
int hg_page_answer(PGresult *result,
                   const struct hg_page *page,
                   json_t **ret,
                   struct hg_error *err);

#endif
