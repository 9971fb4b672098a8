#include "alerts/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"

#define PREFIX "whsec_"

enum {
    NEW_BYTES = 32,
    DIGEST_BYTES = 32,
    DECODED_ROOM = 96, /* of the longest key, and what EVP_DecodeBlock adds for padding */
};

HG_DEFINE_CLEANUP(releasep, unsigned char *, hg_secret_release)

int hg_sign_new_secret(char ret[HG_SIGN_SECRET_TEXT], struct hg_error *err)
{
    unsigned char key[NEW_BYTES];
    int r = hg_random_bytes(key, sizeof key, err);
    if (r == HG_OK) {
        memcpy(ret, PREFIX, sizeof PREFIX);
        (void)EVP_EncodeBlock((unsigned char *)ret + strlen(PREFIX), key, sizeof key);
    }
    hg_secret_wipe(key, sizeof key);
    return r;
}

/* Base64 with its padding. False for what is none, or no key by its length. */
static bool decode(const char *text, unsigned char ret[DECODED_ROOM], size_t *ret_n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(text);
    size_t n_digits = strspn(text, digits);
    size_t n_padding = strspn(text + n_digits, "=");
    if (n % 4 != 0 || n_digits + n_padding != n || n_padding > 2 ||
        n / 4 * 3 > HG_SIGN_KEY_MAX + 2) {
        return false;
    }
    int decoded = EVP_DecodeBlock(ret, (const unsigned char *)text, (int)n);
    *ret_n = decoded < 0 ? 0 : (size_t)decoded - n_padding;
    return *ret_n >= HG_SIGN_KEY_MIN && *ret_n <= HG_SIGN_KEY_MAX;
}

static int read_key(
    const char *text, unsigned char **ret, size_t *ret_n, bool *ret_is_key, struct hg_error *err)
{
    void *memory = NULL;
    int r = hg_secret_alloc(DECODED_ROOM, &memory, err);
    if (r == HG_OK) {
        *ret = memory;
        *ret_is_key = hg_starts_with(text, PREFIX) && decode(text + strlen(PREFIX), memory, ret_n);
    }
    return r;
}

int hg_sign_check_secret(const char *text, struct hg_error *err)
{
    HG_CLEANUP(releasep) unsigned char *key = NULL;
    size_t n = 0;
    bool is_key = false;
    int r = read_key(text, &key, &n, &is_key, err);
    if (r < 0 || is_key) {
        return r;
    }
    (void)hg_error_set(
        err, HG_EINVAL, "the secret is not " PREFIX " and %d to %d bytes in base64", 24, 64);
    (void)hg_error_hint(err, "Leave it out, and one is made and shown once.");
    return hg_error_at(err, "/secret");
}

int hg_sign(const struct hg_secret *secret,
            const char *id,
            int64_t at_s,
            const char *body,
            char ret[HG_SIGN_TEXT],
            struct hg_error *err)
{
    HG_CLEANUP(releasep) unsigned char *key = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    unsigned char digest[DIGEST_BYTES];
    unsigned n_digest = 0;
    size_t n = 0;
    bool is_key = false;
    int r = read_key(secret->value, &key, &n, &is_key, err);
    if (r < 0) {
        return r;
    }
    if (!is_key) {
        return hg_error_set(err, HG_EDATA, "the stored secret is no key to sign with");
    }
    hg_buf_printf(&text, "%s.%" PRId64 ".%s", id, at_s, body);
    if (hg_buf_failed(&text) || !HMAC(EVP_sha256(),
                                      key,
                                      (int)n,
                                      (const unsigned char *)text.data,
                                      text.len,
                                      digest,
                                      &n_digest)) {
        return hg_error_nomem(err);
    }
    memcpy(ret, "v1,", 4);
    (void)EVP_EncodeBlock((unsigned char *)ret + 3, digest, DIGEST_BYTES);
    return HG_OK;
}
