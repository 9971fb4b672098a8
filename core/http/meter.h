/*
 * Counts answers: by route and status, and how long they took.
 */
#ifndef HG_HTTP_METER_H
#define HG_HTTP_METER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "http/router.h"

struct hg_http_meter;

/* `routes` is borrowed until hg_http_meter_free. Owned by the caller. */
int hg_http_meter_new(const struct hg_route *routes,
                      size_t n,
                      struct hg_http_meter **ret,
                      struct hg_error *err);
void hg_http_meter_free(struct hg_http_meter *meter);
/* An answer has left. `route` NULL: no row of the table took the request. [any] thread. */
void hg_http_meter_note(struct hg_http_meter *meter,
                        const struct hg_route *route,
                        unsigned status,
                        int64_t took_ms);
/* Writes what was counted; rows that were never used are left out. [any] thread. */
void hg_http_meter_put(const struct hg_http_meter *meter, struct hg_buf *buf);

#endif
