/*
 * SHA-256 of files.
 */
#ifndef HG_PLUGIN_DIGEST_H
#define HG_PLUGIN_DIGEST_H

#include <stdint.h>

#include "base/error.h"

/* 64 hex digits in lower case and the NUL. */
#define HG_SHA256_TEXT 65

/*
 * Reads `from` to its end and gives the hash of what was read; writes it to `to` when that is not
 * -1. HG_ETOOBIG beyond max_bytes.
 */
int hg_digest_copy(
    int from, int to, int64_t max_bytes, char ret_sha256[HG_SHA256_TEXT], struct hg_error *err);

#endif
