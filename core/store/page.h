/*
 * Pages of a list, by the key of the last item shown.
 */
#ifndef HG_STORE_PAGE_H
#define HG_STORE_PAGE_H

#include <stdbool.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "base/error.h"
#include "store/db.h"

/* limit 1..500; cursor NULL for the first. */
struct hg_page {
    int limit;
    const char *cursor;
};

/* HG_EINVAL when the page's cursor is none of the list's keys, by their form. */
int hg_page_check(const struct hg_page *page,
                  bool (*is_key)(const char *text),
                  struct hg_error *err);
/*
 * {"items", "next_cursor"} of a statement that gives two columns, `item` (JSON) and `cursor_key`,
 * and one row more than the page's limit when there are more: then the key of the last item shown
 * is the next cursor. Owned by the caller.
 */
int hg_page_answer(const PGresult *result,
                   const struct hg_page *page,
                   json_t **ret,
                   struct hg_error *err);

/* How a list is asked for. All borrowed. */
struct hg_page_query {
    struct hg_pool *pool;
    int wait_ms; /* for a connection */
    /* Gives what hg_page_answer wants; its last two parameters are the cursor and the limit. */
    const struct hg_statement *list;
    const char *const *filters; /* the parameters before these; NULL for none */
    bool (*is_key)(const char *text);
};
/* A page as the above gives it, in one go. HG_EINVAL for a cursor that is none. */
int hg_page_ask(const struct hg_page_query *query,
                const struct hg_page *page,
                json_t **ret,
                struct hg_error *err);

#endif
