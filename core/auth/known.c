#include "auth/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/uuid.h"

struct hg_known {
    void *key; /* HG_KNOWN_BYTES of the arena for secrets */
    pthread_mutex_t mutex;
    struct hg_known_digest *digests; /* under mutex, sorted */
    size_t n;                        /* likewise */
};

int hg_known_new(struct hg_known **ret, struct hg_error *err)
{
    struct hg_known *known = calloc(1, sizeof *known);
    if (!known) {
        return hg_error_nomem(err);
    }
    (void)pthread_mutex_init(&known->mutex, NULL);
    int r = hg_secret_alloc(HG_KNOWN_BYTES, &known->key, err);
    r = r < 0 ? r : hg_random_bytes(known->key, HG_KNOWN_BYTES, err);
    if (r < 0) {
        hg_known_free(known);
        return r;
    }
    *ret = known;
    return HG_OK;
}

void hg_known_free(struct hg_known *known)
{
    if (known) {
        hg_secret_release(known->key);
        (void)pthread_mutex_destroy(&known->mutex);
        free(known->digests);
        free(known);
    }
}

static void free_mac(EVP_MAC_CTX **mac)
{
    EVP_MAC_CTX_free(*mac);
}

/* The hash with its NUL, so that no other pair runs together to the same bytes. */
static bool put(EVP_MAC_CTX *mac,
                const struct hg_known *known,
                const char *hash,
                const char *password,
                struct hg_known_digest *ret)
{
    char name[] = "SHA256";
    size_t n = 0;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                                 OSSL_PARAM_construct_end()};
    return EVP_MAC_init(mac, known->key, HG_KNOWN_BYTES, params) == 1 &&
           EVP_MAC_update(mac, (const unsigned char *)hash, strlen(hash) + 1) == 1 &&
           EVP_MAC_update(mac, (const unsigned char *)password, strlen(password)) == 1 &&
           EVP_MAC_final(mac, ret->bytes, &n, sizeof ret->bytes) == 1 && n == sizeof ret->bytes;
}

int hg_known_digest(const struct hg_known *known,
                    const char *hash,
                    const char *password,
                    struct hg_known_digest *ret,
                    struct hg_error *err)
{
    struct hg_known_digest digest;
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    HG_CLEANUP(free_mac) EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (!mac || !put(mac, known, hash, password, &digest)) {
        return hg_error_set(err, HG_EINTERNAL, "OpenSSL makes no HMAC");
    }
    *ret = digest;
    return HG_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hg_known_digest));
}

bool hg_known_has(struct hg_known *known, const struct hg_known_digest *digest)
{
    HG_LOCK(&known->mutex);
    return known->n > 0 &&
           bsearch(digest, known->digests, known->n, sizeof *digest, by_bytes) != NULL;
}

int hg_known_keep(struct hg_known *known,
                  const struct hg_known_digest *digests,
                  size_t n,
                  struct hg_error *err)
{
    struct hg_known_digest *copy = calloc(n + 1, sizeof *copy);
    if (!copy) {
        return hg_error_nomem(err);
    }
    if (n > 0) {
        memcpy(copy, digests, n * sizeof *copy);
        qsort(copy, n, sizeof *copy, by_bytes);
    }
    HG_LOCK(&known->mutex);
    free(known->digests);
    known->digests = copy;
    known->n = n;
    return HG_OK;
}
