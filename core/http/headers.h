/*
 * The headers that every answer has, and the content security policy of the pages.
 */
#ifndef HG_HTTP_HEADERS_H
#define HG_HTTP_HEADERS_H

#include "http/request.h"

enum {
    HG_NONCE_TEXT = 33, /* 32 hex digits and the NUL */
};

/* A new nonce for one answer. */
int hg_headers_nonce(char ret[HG_NONCE_TEXT], struct hg_error *err);
/*
 * The policy for index.html: everything from our own origin, styles that the pages make carry the
 * nonce. An answer without a policy of its own gets one that allows nothing.
 */
int hg_headers_page_policy(struct hg_http_request *request,
                           const char *nonce,
                           struct hg_error *err);
/* Fixed headers, the same for all answers; ended by a NULL name. Static. */
const struct hg_http_field *hg_headers_fixed(void);
/* The policy of files: a script that runs as a worker may load others of ours. Static. */
const char *hg_headers_file_policy(void);
/* The policy of what is no page. Static. */
const char *hg_headers_plain_policy(void);

#endif
