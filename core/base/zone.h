/*
 * Time zones: the system's TZif files (RFC 9636), read by us. Immutable once loaded, so [any]
 * thread. Nothing here reads TZ.
 */
#ifndef HG_BASE_ZONE_H
#define HG_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "headgate/plugin.h"

struct hg_zone;

/*
 * Loads a zone by its IANA name ("America/New_York", "UTC"). HG_EINVAL for a name that is none (no
 * "..", no leading "/"), HG_ENOTFOUND when the system has no such zone, HG_EDATA for a file that is
 * no TZif or counts leap seconds. Owned by the caller, hg_zone_free.
 */
int hg_zone_load(const char *name, struct hg_zone **ret, struct hg_error *err);
/* The same for the bytes of a TZif file, which are copied. */
int hg_zone_parse(const void *bytes, size_t n, struct hg_zone **ret, struct hg_error *err);
void hg_zone_free(struct hg_zone *zone);
static inline void hg_zone_freep(struct hg_zone **zone)
{
    hg_zone_free(*zone);
    *zone = NULL;
}

/* Seconds east of UTC at an instant, in seconds since 1970-01-01T00:00:00Z. */
int32_t hg_zone_offset_s(const struct hg_zone *zone, int64_t time_s);
/*
 * The first instant above `after_s` at which the offset changes, with the offsets on both sides.
 * False when there is none within about 400 years.
 */
bool hg_zone_next_transition(const struct hg_zone *zone,
                             int64_t after_s,
                             int64_t *ret_time_s,
                             int32_t *ret_before_s,
                             int32_t *ret_behind_s);

#endif
