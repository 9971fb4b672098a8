/*
 * Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), as PHC strings, so that
 * stronger parameters can be chosen later and old hashes still verify.
 *
 * At most two hashes are worked on at once and a few callers wait, which bounds memory to 38 MiB
 * and leaves threads of the executor to others; more get HG_EUNAVAILABLE. Never call these from an
 * HTTP thread: a hash takes tens of milliseconds.
 */
#ifndef HG_AUTH_PASSWORD_H
#define HG_AUTH_PASSWORD_H

#include <stdbool.h>

#include "base/error.h"

enum {
    HG_PASSWORD_MAX = 1024,      /* bytes */
    HG_PASSWORD_HASH_TEXT = 128, /* room for the PHC string, with the NUL */
};

int hg_password_hash(const char *password,
                     char ret_hash[HG_PASSWORD_HASH_TEXT],
                     struct hg_error *err);
/* HG_EDATA when `hash` is no Argon2id hash. */
int hg_password_verify(const char *hash,
                       const char *password,
                       bool *ret_matches,
                       struct hg_error *err);

/* The same work as hg_password_verify, for a user who does not exist: never matches. */
int hg_password_verify_nobody(const char *password, struct hg_error *err);

/* How often this process has worked on a hash, checks included. */
unsigned long hg_password_worked(void);

/* A password of 24 characters that are easy to tell apart (120 bits), with the NUL. */
int hg_password_generate(char ret[25], struct hg_error *err);

#endif
