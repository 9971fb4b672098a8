/*
 * Passwords that were checked against their hash before, in this life of the host: whoever applies
 * the same files again need not pay Argon2 for each of them again.
 *
 * Kept are HMAC-SHA256 of hash and password under a random key of this process, which lies in the
 * arena for secrets. Neither is ever written anywhere: what stands in the database is Argon2 alone.
 * [any] thread.
 */
#ifndef HG_AUTH_KNOWN_H
#define HG_AUTH_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct hg_known;

enum { HG_KNOWN_BYTES = 32 };

struct hg_known_digest {
    unsigned char bytes[HG_KNOWN_BYTES];
};

int hg_known_new(struct hg_known **ret, struct hg_error *err);
void hg_known_free(struct hg_known *known);

/* That of a password and the hash that it fits, or is asked about. */
int hg_known_digest(const struct hg_known *known,
                    const char *hash,
                    const char *password,
                    struct hg_known_digest *ret,
                    struct hg_error *err);
/* Whether it is one of those that are kept. */
bool hg_known_has(struct hg_known *known, const struct hg_known_digest *digest);
/* Keeps these and forgets all others; copied. */
int hg_known_keep(struct hg_known *known,
                  const struct hg_known_digest *digests,
                  size_t n,
                  struct hg_error *err);

#endif
