#include "vault/seal.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/error.h"
#include "base/uuid.h"

enum {
    HEAD_BYTES = 5, /* ahead of kid and nonce */
    KEY_HEAD_BYTES = HEAD_BYTES + 4,
    FORM = 1,
    ALGORITHM = 1, /* AES-256-GCM */
    ORIGINS_MAX = 64,
};

static const unsigned char key_head[HEAD_BYTES] = {'H', 'G', 'K', FORM, ALGORITHM};
static const unsigned char value_head[HEAD_BYTES] = {'H', 'G', 'V', FORM, ALGORITHM};

HG_DEFINE_CLEANUP(free_cipher, EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)
HG_DEFINE_CLEANUP(free_digest, EVP_MD_CTX *, EVP_MD_CTX_free)

/* ---- what is bound to it ---- */

static void put_part(struct hg_buf *to, const void *bytes, size_t n)
{
    hg_buf_put_be32(to, (uint32_t)n);
    hg_buf_append(to, bytes, n);
}

static int bind(const struct hg_seal_context *context,
                const unsigned char *head,
                size_t n_head,
                struct hg_buf *ret,
                struct hg_error *err)
{
    put_part(ret, "headgate secret", 15);
    put_part(ret, head, n_head);
    put_part(ret, context->table, strlen(context->table));
    put_part(ret, context->owner, strlen(context->owner));
    put_part(ret, context->field, strlen(context->field));
    hg_buf_put_be32(ret, 8);
    hg_buf_put_be64(ret, (uint64_t)context->version);
    put_part(ret, context->origins, HG_ORIGINS_BYTES);
    return hg_buf_failed(ret) ? hg_error_nomem(err) : HG_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool digest_part(EVP_MD_CTX *digest, const char *text)
{
    size_t n = strlen(text);
    const unsigned char length[4] = {(unsigned char)(n >> 24),
                                     (unsigned char)(n >> 16),
                                     (unsigned char)(n >> 8),
                                     (unsigned char)n};
    return EVP_DigestUpdate(digest, length, sizeof length) == 1 &&
           EVP_DigestUpdate(digest, text, n) == 1;
}

int hg_seal_origins(const char *const *origins,
                    unsigned char ret[HG_ORIGINS_BYTES],
                    struct hg_error *err)
{
    const char *sorted[ORIGINS_MAX];
    unsigned char hash[HG_ORIGINS_BYTES];
    size_t n = 0;
    for (; origins && origins[n]; n++) {
        if (n == ORIGINS_MAX) {
            return hg_error_set(
                err, HG_ETOOBIG, "a secret may go to at most %d addresses", ORIGINS_MAX);
        }
        sorted[n] = origins[n];
    }
    qsort(sorted, n, sizeof sorted[0], compare_texts);
    HG_CLEANUP(free_digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool good = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0) {
            good = good && digest_part(digest, sorted[i]);
        }
    }
    if (!good || EVP_DigestFinal_ex(digest, hash, NULL) != 1) {
        return hg_error_nomem(err);
    }
    memcpy(ret, hash, sizeof hash);
    return HG_OK;
}

/* ---- AES-256-GCM ---- */

struct piece {
    const unsigned char *key;
    const unsigned char *nonce;
    const struct hg_buf *bound;
    const unsigned char *in;
    size_t n;
};

static int cipher_failed(struct hg_error *err)
{
    /* Nothing of what these calls are given can be wrong: it is memory that is missing. */
    return hg_error_set(err, HG_ENOMEM, "OpenSSL could not begin to seal or open a secret");
}

static int encrypt(const struct piece *piece,
                   unsigned char *out,
                   unsigned char *tag,
                   struct hg_error *err)
{
    int n = 0;
    HG_CLEANUP(free_cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher ||
        EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, piece->key, piece->nonce) != 1 ||
        EVP_EncryptUpdate(
            cipher, NULL, &n, (const unsigned char *)piece->bound->data, (int)piece->bound->len) !=
            1 ||
        EVP_EncryptUpdate(cipher, out, &n, piece->in, (int)piece->n) != 1 ||
        EVP_EncryptFinal_ex(cipher, out + piece->n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, HG_TAG_BYTES, tag) != 1) {
        return cipher_failed(err);
    }
    return HG_OK;
}

/*
 * `out` is in the arena: what is decrypted is there before the tag has been looked at, so the
 * caller drops it after a failure.
 */
static int decrypt(const struct piece *piece,
                   const unsigned char *tag,
                   unsigned char *out,
                   struct hg_error *err)
{
    int n = 0;
    unsigned char copy[HG_TAG_BYTES];
    memcpy(copy, tag, sizeof copy);
    HG_CLEANUP(free_cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher ||
        EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, piece->key, piece->nonce) != 1 ||
        EVP_DecryptUpdate(
            cipher, NULL, &n, (const unsigned char *)piece->bound->data, (int)piece->bound->len) !=
            1 ||
        EVP_DecryptUpdate(cipher, out, &n, piece->in, (int)piece->n) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, HG_TAG_BYTES, copy) != 1) {
        return cipher_failed(err);
    }
    if (EVP_DecryptFinal_ex(cipher, out + piece->n, &n) != 1) {
        return hg_error_set(err, HG_EDATA, "its seal is broken");
    }
    return HG_OK;
}

/* ---- the key of a secret ---- */

static void put_key_head(int32_t kid, unsigned char ret[KEY_HEAD_BYTES])
{
    memcpy(ret, key_head, HEAD_BYTES);
    for (int i = 0; i < 4; i++) {
        ret[HEAD_BYTES + i] = (unsigned char)((uint32_t)kid >> (24 - 8 * i));
    }
}

static int wrap(const struct hg_master_key *master,
                const struct hg_seal_context *context,
                const unsigned char *key,
                unsigned char ret[HG_SEALED_KEY_BYTES],
                struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf bound = HG_BUF_INIT;
    unsigned char sealed[HG_SEALED_KEY_BYTES];
    unsigned char *nonce = sealed + KEY_HEAD_BYTES;
    unsigned char *body = nonce + HG_NONCE_BYTES;
    put_key_head(master->kid, sealed);
    int r = bind(context, sealed, KEY_HEAD_BYTES, &bound, err);
    r = r < 0 ? r : hg_random_bytes(nonce, HG_NONCE_BYTES, err);
    if (r < 0) {
        return r;
    }
    const struct piece piece = {master->key, nonce, &bound, key, HG_KEY_BYTES};
    r = encrypt(&piece, body, body + HG_KEY_BYTES, err);
    if (r == HG_OK) {
        memcpy(ret, sealed, sizeof sealed);
    }
    return r;
}

/* `ret` is in the arena. */
static int unwrap(const struct hg_master_key *master,
                  const struct hg_seal_context *context,
                  const struct hg_buf *sealed,
                  unsigned char ret[HG_KEY_BYTES],
                  struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf bound = HG_BUF_INIT;
    unsigned char head[KEY_HEAD_BYTES];
    const unsigned char *bytes = (const unsigned char *)sealed->data;
    put_key_head(master->kid, head);
    if (sealed->len != HG_SEALED_KEY_BYTES || memcmp(bytes, head, KEY_HEAD_BYTES) != 0) {
        return hg_error_set(err, HG_EDATA, "its key is sealed in a form that is not known here");
    }
    int r = bind(context, head, KEY_HEAD_BYTES, &bound, err);
    if (r < 0) {
        return r;
    }
    const unsigned char *nonce = bytes + KEY_HEAD_BYTES;
    const unsigned char *body = nonce + HG_NONCE_BYTES;
    const struct piece piece = {master->key, nonce, &bound, body, HG_KEY_BYTES};
    return decrypt(&piece, body + HG_KEY_BYTES, ret, err);
}

/* ---- the secret ---- */

static int seal_value(const unsigned char *key,
                      const struct hg_seal_context *context,
                      const void *value,
                      size_t n,
                      struct hg_buf *ret,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf bound = HG_BUF_INIT;
    if (!hg_buf_reserve(ret, n + HG_SEALED_VALUE_BYTES)) {
        return hg_error_nomem(err);
    }
    unsigned char *start = (unsigned char *)ret->data + ret->len;
    unsigned char *nonce = start + HEAD_BYTES;
    unsigned char *body = nonce + HG_NONCE_BYTES;
    memcpy(start, value_head, HEAD_BYTES);
    int r = bind(context, value_head, HEAD_BYTES, &bound, err);
    r = r < 0 ? r : hg_random_bytes(nonce, HG_NONCE_BYTES, err);
    if (r < 0) {
        return r;
    }
    const struct piece piece = {key, nonce, &bound, value, n};
    r = encrypt(&piece, body, body + n, err);
    if (r == HG_OK) {
        ret->len += n + HG_SEALED_VALUE_BYTES;
        ret->data[ret->len] = '\0';
    }
    return r;
}

int hg_seal(const struct hg_master_key *master,
            const struct hg_seal_context *context,
            const void *value,
            size_t n,
            unsigned char ret_key[HG_SEALED_KEY_BYTES],
            struct hg_buf *ret_value,
            struct hg_error *err)
{
    void *key = NULL;
    int r = hg_secret_alloc(HG_KEY_BYTES, &key, err);
    r = r < 0 ? r : hg_random_bytes(key, HG_KEY_BYTES, err);
    r = r < 0 ? r : wrap(master, context, key, ret_key, err);
    r = r < 0 ? r : seal_value(key, context, value, n, ret_value, err);
    hg_secret_release(key);
    return r;
}

static int unseal_value(const unsigned char *key,
                        const struct hg_seal_context *context,
                        const struct hg_buf *sealed,
                        struct hg_secret **ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf bound = HG_BUF_INIT;
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    const unsigned char *bytes = (const unsigned char *)sealed->data;
    if (sealed->len < HG_SEALED_VALUE_BYTES || memcmp(bytes, value_head, HEAD_BYTES) != 0) {
        return hg_error_set(err, HG_EDATA, "it is sealed in a form that is not known here");
    }
    size_t n = sealed->len - HG_SEALED_VALUE_BYTES;
    int r = bind(context, value_head, HEAD_BYTES, &bound, err);
    r = r < 0 ? r : hg_secret_new(NULL, n, &secret, err);
    if (r < 0) {
        return r;
    }
    const unsigned char *nonce = bytes + HEAD_BYTES;
    const unsigned char *body = nonce + HG_NONCE_BYTES;
    const struct piece piece = {key, nonce, &bound, body, n};
    r = decrypt(&piece, body + n, (unsigned char *)secret->value, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(secret);
    }
    return r;
}

int hg_unseal(const struct hg_master_key *master,
              const struct hg_seal_context *context,
              const struct hg_buf *sealed_key,
              const struct hg_buf *sealed_value,
              struct hg_secret **ret,
              struct hg_error *err)
{
    void *key = NULL;
    int r = hg_secret_alloc(HG_KEY_BYTES, &key, err);
    r = r < 0 ? r : unwrap(master, context, sealed_key, key, err);
    r = r < 0 ? r : unseal_value(key, context, sealed_value, ret, err);
    hg_secret_release(key);
    return r;
}

int hg_reseal(const struct hg_master_key *from,
              const struct hg_master_key *to,
              const struct hg_seal_context *context,
              const struct hg_buf *sealed_key,
              unsigned char ret_key[HG_SEALED_KEY_BYTES],
              struct hg_error *err)
{
    void *key = NULL;
    int r = hg_secret_alloc(HG_KEY_BYTES, &key, err);
    r = r < 0 ? r : unwrap(from, context, sealed_key, key, err);
    r = r < 0 ? r : wrap(to, context, key, ret_key, err);
    hg_secret_release(key);
    return r;
}
