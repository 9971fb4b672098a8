#include "plugin/digest.h"

#include <errno.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/hex.h"
#include "base/io.h"
#include "base/mem.h"

HG_DEFINE_CLEANUP(context_freep, EVP_MD_CTX *, EVP_MD_CTX_free)

static int copy(int from, int to, int64_t max_bytes, EVP_MD_CTX *context, struct hg_error *err)
{
    char chunk[65536];
    int64_t total = 0;
    for (;;) {
        ssize_t n = read(from, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return hg_error_errno(err, errno, "cannot be read");
        }
        if (n == 0) {
            return HG_OK;
        }
        total += n;
        if (total > max_bytes) {
            return hg_error_set(err, HG_ETOOBIG, "is larger than %lld bytes", (long long)max_bytes);
        }
        if (EVP_DigestUpdate(context, chunk, (size_t)n) != 1) {
            return hg_error_set(err, HG_EINTERNAL, "SHA-256 failed");
        }
        int r = to >= 0 ? hg_write_all(to, chunk, (size_t)n, err) : HG_OK;
        if (r) {
            return r;
        }
    }
}

int hg_digest_copy(
    int from, int to, int64_t max_bytes, char ret_sha256[HG_SHA256_TEXT], struct hg_error *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    HG_CLEANUP(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        return hg_error_nomem(err);
    }
    int r = copy(from, to, max_bytes, context, err);
    if (r) {
        return r;
    }
    if (EVP_DigestFinal_ex(context, hash, &n) != 1 || n != 32) {
        return hg_error_set(err, HG_EINTERNAL, "SHA-256 failed");
    }
    (void)hg_hex(hash, n, ret_sha256);
    return HG_OK;
}
