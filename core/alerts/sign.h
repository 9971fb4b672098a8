/*
 * Signatures of webhooks, as the Standard Webhooks specification has them: HMAC-SHA256 over
 * "<id>.<seconds>.<body>", under a key that is written "whsec_<base64>".
 */
#ifndef HG_ALERTS_SIGN_H
#define HG_ALERTS_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

enum {
    HG_SIGN_KEY_MIN = 24, /* bytes of a key */
    HG_SIGN_KEY_MAX = 64,
    HG_SIGN_SECRET_TEXT = 96, /* room for one as text, with the NUL */
    HG_SIGN_TEXT = 64,        /* room for "v1,<base64>", with the NUL */
};

/* A new secret of 32 random bytes, as text. The caller wipes it. */
int hg_sign_new_secret(char ret[HG_SIGN_SECRET_TEXT], struct hg_error *err);
/* HG_EINVAL, pointer /secret, for what is none. The error never holds it. */
int hg_sign_check_secret(const char *text, struct hg_error *err);
/* HG_EDATA for a secret that is none. */
int hg_sign(const struct hg_secret *secret,
            const char *id,
            int64_t at_s,
            const char *body,
            char ret[HG_SIGN_TEXT],
            struct hg_error *err);

#endif
