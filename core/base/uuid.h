/*
 * UUIDs: version 7 (RFC 9562), so that ids sort by time of creation. [any] thread.
 */
#ifndef HG_BASE_UUID_H
#define HG_BASE_UUID_H

#include <stdbool.h>

#include "headgate/plugin.h"

/* 36 characters and the NUL. */
#define HG_UUID_TEXT 37

/* A new id; ids made by one process strictly increase. HG_EINTERNAL when there is no randomness. */
int hg_uuid_new(char ret_text[HG_UUID_TEXT], struct hg_error *err);
/* True for the usual 8-4-4-4-12 form in hex of any version. */
bool hg_uuid_is_valid(const char *text);
/* `n` random bytes from OpenSSL. */
int hg_random_bytes(void *ret_bytes, size_t n, struct hg_error *err);
/* The time in a version 7 id, in milliseconds since 1970; -1 when it is none. */
int64_t hg_uuid_time_ms(const char *text);

#endif
