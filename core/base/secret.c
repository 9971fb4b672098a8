#include "base/secret.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <openssl/crypto.h>

#include "base/error.h"

enum { SMALLEST_BYTES = 64 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool locked; /* under mutex */

int hg_secret_arena(bool *ret_locked, struct hg_error *err)
{
    HG_LOCK(&mutex);
    if (!CRYPTO_secure_malloc_initialized()) {
        /* Maps it between two guard pages, keeps it out of dumps and locks it; 2: not locked. */
        int made = CRYPTO_secure_malloc_init(HG_SECRET_ARENA_BYTES, SMALLEST_BYTES);
        if (made == 0) {
            return hg_error_set(
                err, HG_ENOMEM, "cannot reserve %d bytes for secrets", HG_SECRET_ARENA_BYTES);
        }
        locked = made == 1;
    }
    if (ret_locked) {
        *ret_locked = locked;
    }
    return HG_OK;
}

int hg_secret_alloc(size_t n, void **ret, struct hg_error *err)
{
    int r = hg_secret_arena(NULL, err);
    if (r < 0) {
        return r;
    }
    void *memory = OPENSSL_secure_zalloc(n > 0 ? n : 1);
    if (!memory) {
        (void)hg_error_set(
            err, HG_EUNAVAILABLE, "too many secrets are in use at once to open another");
        if (err) {
            err->retryable = 1;
        }
        return HG_EUNAVAILABLE;
    }
    *ret = memory;
    return HG_OK;
}

void hg_secret_release(void *memory)
{
    /* OpenSSL knows how large a piece of its arena is, and wipes all of it. */
    OPENSSL_secure_clear_free(memory, memory ? 1 : 0);
}

int hg_secret_new(const void *value, size_t n, struct hg_secret **ret, struct hg_error *err)
{
    void *memory = NULL;
    if (n > HG_SECRET_MAX) {
        return hg_error_set(
            err, HG_ETOOBIG, "a secret has at most %d bytes, this one %zu", HG_SECRET_MAX, n);
    }
    int r = hg_secret_alloc(sizeof(struct hg_secret) + n + 1, &memory, err);
    if (r < 0) {
        return r;
    }
    struct hg_secret *secret = memory;
    secret->n = n;
    if (value && n > 0) {
        memcpy(secret->value, value, n);
    }
    *ret = secret;
    return HG_OK;
}

void hg_secret_free(struct hg_secret *secret)
{
    hg_secret_release(secret);
}

void hg_secret_wipe(void *memory, size_t n)
{
    OPENSSL_cleanse(memory, n);
}

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define HAS_LEAK_CHECK 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_CHECK 1
#endif
#ifndef HAS_LEAK_CHECK
#define HAS_LEAK_CHECK 0
#endif

int hg_secret_no_dumps(struct hg_error *err)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) < 0 ||
        (!HAS_LEAK_CHECK && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)) {
        return hg_error_errno(err, errno, "cannot switch core dumps off");
    }
    return HG_OK;
}
