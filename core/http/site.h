/*
 * The files of the web pages, all in memory: they are few, and the HTTP thread may not wait for a
 * disk. Read once, at start.
 */
#ifndef HG_HTTP_SITE_H
#define HG_HTTP_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"

struct hg_site;

/*
 * Reads a folder (frontend/dist), without links and names that begin with a dot. Texts are
 * compressed where that makes them smaller. `dir` may be NULL: a site of one page that says how to
 * build the pages. Owned by the caller, hg_site_free, after the server that uses it.
 */
int hg_site_load(const char *dir, struct hg_site **ret, struct hg_error *err);
void hg_site_free(struct hg_site *site);

/*
 * Answers a GET that no route takes: a file, or index.html for a path that the page's own router
 * knows. Never waits. HG_ENOTFOUND for what looks like a file that is not there.
 */
int hg_site_answer(const struct hg_site *site,
                   struct hg_http_request *request,
                   struct hg_error *err);

#endif
