/*
 * RFC 9457 problem documents: what a person sees of a failure.
 */
#ifndef HG_HTTP_PROBLEM_H
#define HG_HTTP_PROBLEM_H

#include "base/error.h"
#include "http/request.h"

/* The HTTP status of an error code; 500 for what is none. */
int hg_problem_status(int code);
/* What went wrong in words, for a status: "No such thing". Static. */
const char *hg_problem_title(int status);

/*
 * The document as text, owned by the caller, or NULL without memory. Reads only what does not
 * change while a request's handler runs (its id and its address) and what is given here; `errors`
 * and `members` may be NULL. [any] thread.
 */
char *hg_problem_text(const struct hg_http_request *request,
                      int status,
                      const struct hg_error *error,
                      const json_t *errors,
                      const json_t *members);

/* Makes the problem the request's answer, with Retry-After and the like. Never fails. */
void hg_problem_answer(struct hg_http_request *request, const struct hg_error *error);
/* The seconds that Retry-After says for an error: at least 1. */
int hg_problem_retry_after_s(const struct hg_error *error);

#endif
