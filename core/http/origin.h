/*
 * Whether a browser sent a request from one of our own pages.
 */
#ifndef HG_HTTP_ORIGIN_H
#define HG_HTTP_ORIGIN_H

#include "http/request.h"

/*
 * HG_EFORBIDDEN when Sec-Fetch-Site or Origin says that another site's page made the browser send
 * this. Our own origin is that of `public_url` and that of the Host header. A client without either
 * header is no browser, and passes.
 */
int hg_http_check_origin(const struct hg_http_request *request,
                         const char *public_url,
                         struct hg_error *err);

#endif
