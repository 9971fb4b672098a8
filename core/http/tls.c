#include "http/tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/io.h"
#include "base/secret.h"

enum { PEM_MAX = 1 << 20, CHAIN_MAX = 16, KEY_ID_BYTES = 64 };

/* What one reading gave. Connections may still use it when a newer one is there. */
struct pair {
    struct pair *older;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
};

struct hg_tls {
    char *certificate;
    char *key;
    pthread_mutex_t mutex;
    struct pair *newest;
};

static pthread_mutex_t serving_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct hg_tls *serving;

static void free_pair(struct pair *pair)
{
    for (unsigned i = 0; i < pair->n; i++) {
        gnutls_pcert_deinit(&pair->chain[i]);
    }
    if (pair->key) {
        gnutls_privkey_deinit(pair->key);
    }
    free(pair);
}
HG_DEFINE_CLEANUP(free_pairp, struct pair *, free_pair)

static int no_pem(const char *path, const char *what, int code, struct hg_error *err)
{
    return hg_error_set(
        err, HG_EDATA, "\"%s\" holds no %s in PEM form: %s", path, what, gnutls_strerror(code));
}

static int read_chain(const char *path, struct pair *pair, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n = 0;
    unsigned n_read = CHAIN_MAX;
    int r = hg_read_file(path, PEM_MAX, &text, &n, err);
    if (r < 0) {
        return r;
    }
    const gnutls_datum_t pem = {(unsigned char *)text, (unsigned)n};
    int code = gnutls_pcert_list_import_x509_raw(
        pair->chain, &n_read, &pem, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (code < 0) {
        return no_pem(path, "certificate, with those behind it in their order,", code, err);
    }
    pair->n = n_read;
    return HG_OK;
}

static int read_key(const char *path, struct pair *pair, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n = 0;
    int r = hg_read_file(path, PEM_MAX, &text, &n, err);
    if (r < 0) {
        return r;
    }
    const gnutls_datum_t pem = {(unsigned char *)text, (unsigned)n};
    int code = gnutls_privkey_init(&pair->key);
    code = code < 0 ? code
                    : gnutls_privkey_import_x509_raw(
                          pair->key, &pem, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
    hg_secret_wipe(text, n);
    return code < 0 ? no_pem(path, "private key without a pass phrase", code, err) : HG_OK;
}

/* Both name the same public key. */
static bool belong_together(struct pair *pair)
{
    unsigned char ids[2][KEY_ID_BYTES];
    size_t n[2] = {KEY_ID_BYTES, KEY_ID_BYTES};
    gnutls_pubkey_t of_key;
    if (gnutls_pubkey_init(&of_key) < 0) {
        return false;
    }
    bool same = gnutls_pubkey_import_privkey(of_key, pair->key, 0, 0) == 0 &&
                gnutls_pubkey_get_key_id(of_key, GNUTLS_KEYID_USE_SHA256, ids[0], &n[0]) == 0 &&
                gnutls_pubkey_get_key_id(
                    pair->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, ids[1], &n[1]) == 0 &&
                n[0] == n[1] && memcmp(ids[0], ids[1], n[0]) == 0;
    gnutls_pubkey_deinit(of_key);
    return same;
}

int hg_tls_reload(struct hg_tls *tls, struct hg_error *err)
{
    HG_CLEANUP(free_pairp) struct pair *pair = calloc(1, sizeof *pair);
    if (!pair) {
        return hg_error_nomem(err);
    }
    int r = read_chain(tls->certificate, pair, err);
    r = r < 0 ? r : read_key(tls->key, pair, err);
    if (r < 0) {
        return r;
    }
    if (!belong_together(pair)) {
        return hg_error_set(err,
                            HG_ECONFLICT,
                            "the key in \"%s\" does not belong to the first certificate in \"%s\"",
                            tls->key,
                            tls->certificate);
    }
    HG_LOCK(&tls->mutex);
    pair->older = tls->newest;
    tls->newest = HG_TAKE(pair);
    return HG_OK;
}

static bool take_process(struct hg_tls *tls)
{
    HG_LOCK(&serving_mutex);
    if (serving) {
        return false;
    }
    serving = tls;
    return true;
}

int hg_tls_new(const char *certificate, const char *key, struct hg_tls **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_tls_freep) struct hg_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        return hg_error_nomem(err);
    }
    (void)pthread_mutex_init(&tls->mutex, NULL);
    tls->certificate = strdup(certificate);
    tls->key = strdup(key);
    if (!tls->certificate || !tls->key) {
        return hg_error_nomem(err);
    }
    int r = hg_tls_reload(tls, err);
    if (r < 0) {
        return r;
    }
    if (!take_process(tls)) {
        return hg_error_set(err, HG_EEXIST, "this process serves another certificate already");
    }
    *ret = HG_TAKE(tls);
    return HG_OK;
}

void hg_tls_free(struct hg_tls *tls)
{
    if (!tls) {
        return;
    }
    {
        HG_LOCK(&serving_mutex);
        serving = serving == tls ? NULL : serving;
    }
    while (tls->newest) {
        struct pair *older = tls->newest->older;
        free_pair(tls->newest);
        tls->newest = older;
    }
    (void)pthread_mutex_destroy(&tls->mutex);
    free(tls->certificate);
    free(tls->key);
    free(tls);
}

int hg_tls_retrieve(gnutls_session_t session,
                    const gnutls_datum_t *authorities,
                    int n_authorities,
                    const gnutls_pk_algorithm_t *algorithms,
                    int n_algorithms,
                    gnutls_pcert_st **ret_chain,
                    unsigned *ret_n,
                    gnutls_privkey_t *ret_key)
{
    (void)session;
    (void)authorities;
    (void)n_authorities;
    (void)algorithms;
    (void)n_algorithms;
    HG_LOCK(&serving_mutex);
    if (!serving) {
        return -1;
    }
    HG_LOCK(&serving->mutex);
    *ret_chain = serving->newest->chain;
    *ret_n = serving->newest->n;
    *ret_key = serving->newest->key;
    return 0;
}
