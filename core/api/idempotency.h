/*
 * Idempotency-Key: a request that is sent twice, because its answer was lost, is worked on once.
 *
 * The answers of the last requests that carried a key are kept in memory for a day, by user, role
 * (a token may have less than its owner), method, address and key. Failures are not kept: they may
 * be repeated. A restart forgets all.
 */
#ifndef HG_API_IDEMPOTENCY_H
#define HG_API_IDEMPOTENCY_H

#include "http/router.h"

struct hg_idempotency;

/* Owned by the caller, hg_idempotency_free. */
int hg_idempotency_new(struct hg_idempotency **ret, struct hg_error *err);
void hg_idempotency_free(struct hg_idempotency *store);

/*
 * Runs `handler`, or gives the answer it gave to the same request before. Without a key it just
 * runs. 400 for a key that is none, 409 while the first request is under way, 422 when the key came
 * with another body before. [any] thread.
 */
int hg_idempotency_run(struct hg_idempotency *store,
                       hg_http_handler *handler,
                       struct hg_http_request *request,
                       struct hg_error *err);
/*
 * The same for what makes a secret: the answer that is kept, and given again, has null for the
 * member `secret`, which is shown once.
 */
int hg_idempotency_run_once(struct hg_idempotency *store,
                            hg_http_handler *handler,
                            const char *secret,
                            struct hg_http_request *request,
                            struct hg_error *err);

#endif
