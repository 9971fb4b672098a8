/* The form of what is sealed: whatever is changed of it or around it, it does not open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/rand.h>

#include "base/error.h"
#include "vault/seal.h"

static const char value[] = "the canary sings at noon";

static struct hg_keyring *keyring;
static struct hg_seal_context context = {"alert_channel", "c1", "password", 7, {1, 2, 3}};
static unsigned char sealed_key[HG_SEALED_KEY_BYTES];
static struct hg_buf sealed_value = HG_BUF_INIT;

static const struct hg_master_key *key(int32_t kid)
{
    return hg_keyring_find(keyring, kid);
}

static int make(void **state)
{
    (void)state;
    if (hg_keyring_new(&keyring, NULL) < 0 || hg_keyring_make(keyring, 1, NULL) < 0 ||
        hg_keyring_make(keyring, 2, NULL) < 0) {
        return -1;
    }
    return hg_seal(key(1), &context, value, sizeof value - 1, sealed_key, &sealed_value, NULL);
}

static int drop(void **state)
{
    (void)state;
    hg_buf_free(&sealed_value);
    hg_keyring_freep(&keyring);
    return 0;
}

static int open_with(int32_t kid,
                     const struct hg_seal_context *with,
                     struct hg_buf k,
                     struct hg_buf v,
                     struct hg_secret **ret)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_unseal(key(kid), with, &k, &v, ret, &err);
    assert_null(strstr(err.message, value));
    return r;
}

static struct hg_buf key_buf(void)
{
    return (struct hg_buf){(char *)sealed_key, sizeof sealed_key, sizeof sealed_key, false};
}

static void assert_closed(int32_t kid,
                          const struct hg_seal_context *with,
                          struct hg_buf k,
                          struct hg_buf v)
{
    struct hg_secret *secret = NULL;
    assert_int_equal(open_with(kid, with, k, v, &secret), HG_EDATA);
    assert_null(secret);
}

static void test_opens(void **state)
{
    (void)state;
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    assert_int_equal(open_with(1, &context, key_buf(), sealed_value, &secret), HG_OK);
    assert_int_equal(secret->n, sizeof value - 1);
    assert_string_equal(secret->value, value);
    assert_int_equal(sealed_value.len, sizeof value - 1 + HG_SEALED_VALUE_BYTES);
    assert_null(memmem(sealed_value.data, sealed_value.len, "canary", 6));
}

static void test_any_size(void **state)
{
    (void)state;
    static char big[HG_SECRET_MAX];
    static const size_t sizes[] = {1, 15, 16, 17, 4096, HG_SECRET_MAX};
    memset(big, 0xa5, sizeof big);
    for (size_t i = 0; i < HG_COUNT(sizes); i++) {
        unsigned char k[HG_SEALED_KEY_BYTES];
        HG_CLEANUP(hg_buf_free) struct hg_buf v = HG_BUF_INIT;
        HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
        struct hg_buf kb = {(char *)k, sizeof k, sizeof k, false};
        assert_int_equal(hg_seal(key(1), &context, big, sizes[i], k, &v, NULL), HG_OK);
        assert_int_equal(open_with(1, &context, kb, v, &secret), HG_OK);
        assert_int_equal(secret->n, sizes[i]);
        assert_memory_equal(secret->value, big, sizes[i]);
    }
}

/* Every bit. */
static void test_flips(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < sizeof sealed_key * 8; bit++) {
        sealed_key[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_closed(1, &context, key_buf(), sealed_value);
        sealed_key[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < sealed_value.len * 8; bit++) {
        sealed_value.data[bit / 8] = (char)(sealed_value.data[bit / 8] ^ (1 << bit % 8));
        assert_closed(1, &context, key_buf(), sealed_value);
        sealed_value.data[bit / 8] = (char)(sealed_value.data[bit / 8] ^ (1 << bit % 8));
    }
    test_opens(state);
}

static void test_cut_and_longer(void **state)
{
    (void)state;
    struct hg_buf k = key_buf();
    struct hg_buf v = sealed_value;
    for (k.len = 0; k.len < sizeof sealed_key; k.len++) {
        assert_closed(1, &context, k, v);
    }
    k = key_buf();
    for (v.len = 0; v.len < sealed_value.len; v.len++) {
        assert_closed(1, &context, k, v);
    }
    char longer[256] = {0};
    memcpy(longer, sealed_value.data, sealed_value.len);
    v = (struct hg_buf){longer, sealed_value.len + 1, sizeof longer, false};
    assert_closed(1, &context, k, v);
    memcpy(longer, sealed_key, sizeof sealed_key);
    k = (struct hg_buf){longer, sizeof sealed_key + 1, sizeof longer, false};
    assert_closed(1, &context, k, sealed_value);
    v = (struct hg_buf)HG_BUF_INIT;
    assert_closed(1, &context, v, sealed_value);
    assert_closed(1, &context, key_buf(), v);
}

/* What it is bound to, piece by piece; also when the pieces together are the same text. */
static void test_bound(void **state)
{
    (void)state;
    struct hg_seal_context others[] = {
        context, context, context, context, context, context, context};
    others[0].table = "connector";
    others[1].owner = "c2";
    others[2].field = "token";
    others[3].version = 8;
    others[4].origins[31] = 1;
    others[5].owner = "c";
    others[5].field = "1password";
    others[6].table = "alert_channelc1";
    others[6].owner = "";
    for (size_t i = 0; i < HG_COUNT(others); i++) {
        assert_closed(1, &others[i], key_buf(), sealed_value);
    }
    assert_closed(2, &context, key_buf(), sealed_value);
}

/* A value and a key that fit, each from another row. */
static void test_swapped(void **state)
{
    (void)state;
    struct hg_seal_context other = context;
    other.owner = "c2";
    unsigned char k[HG_SEALED_KEY_BYTES];
    HG_CLEANUP(hg_buf_free) struct hg_buf v = HG_BUF_INIT;
    struct hg_buf kb = {(char *)k, sizeof k, sizeof k, false};
    assert_int_equal(hg_seal(key(1), &other, "other", 5, k, &v, NULL), HG_OK);
    assert_closed(1, &context, kb, v);
    assert_closed(1, &context, key_buf(), v);
    assert_closed(1, &context, kb, sealed_value);
    assert_closed(1, &other, key_buf(), sealed_value);
}

static void test_resealed(void **state)
{
    (void)state;
    unsigned char k[HG_SEALED_KEY_BYTES];
    struct hg_buf old = key_buf();
    struct hg_buf kb = {(char *)k, sizeof k, sizeof k, false};
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    assert_int_equal(hg_reseal(key(1), key(2), &context, &old, k, NULL), HG_OK);
    assert_int_equal(open_with(2, &context, kb, sealed_value, &secret), HG_OK);
    assert_string_equal(secret->value, value);
    assert_closed(1, &context, kb, sealed_value);
    old.len--;
    assert_int_equal(hg_reseal(key(1), key(2), &context, &old, k, NULL), HG_EDATA);
}

static int compare_nonces(const void *a, const void *b)
{
    return memcmp(a, b, HG_NONCE_BYTES);
}

static void test_no_nonce_twice(void **state)
{
    (void)state;
    enum { N = 2000, AT = 9 };
    static unsigned char nonces[2 * N][HG_NONCE_BYTES];
    for (size_t i = 0; i < N; i++) {
        unsigned char k[HG_SEALED_KEY_BYTES];
        HG_CLEANUP(hg_buf_free) struct hg_buf v = HG_BUF_INIT;
        assert_int_equal(hg_seal(key(1), &context, "x", 1, k, &v, NULL), HG_OK);
        memcpy(nonces[2 * i], k + AT, HG_NONCE_BYTES);
        memcpy(nonces[2 * i + 1], v.data + 5, HG_NONCE_BYTES);
    }
    qsort(nonces, 2 * N, HG_NONCE_BYTES, compare_nonces);
    for (size_t i = 1; i < 2 * N; i++) {
        assert_memory_not_equal(nonces[i], nonces[i - 1], HG_NONCE_BYTES);
    }
}

/* ---- no randomness ---- */

static int n_random; /* calls that still work */

static int few_bytes(unsigned char *bytes, int n)
{
    if (n_random-- <= 0) {
        return 0;
    }
    memset(bytes, 7, (size_t)n);
    return 1;
}

static int no_status(void)
{
    return 1;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static const RAND_METHOD few = {NULL, few_bytes, NULL, NULL, few_bytes, no_status};

static void use_random(const RAND_METHOD *method)
{
    assert_int_equal(RAND_set_rand_method(method), 1);
}
#pragma GCC diagnostic pop

static void test_no_random_bytes(void **state)
{
    (void)state;
    for (int n = 0; n < 3; n++) {
        unsigned char k[HG_SEALED_KEY_BYTES] = {0};
        static const unsigned char zeros[HG_SEALED_KEY_BYTES];
        HG_CLEANUP(hg_buf_free) struct hg_buf v = HG_BUF_INIT;
        struct hg_error err = HG_ERROR_INIT;
        n_random = n;
        use_random(&few);
        int r = hg_seal(key(1), &context, value, sizeof value - 1, k, &v, &err);
        use_random(NULL);
        assert_int_equal(r, HG_EINTERNAL);
        assert_non_null(strstr(err.message, "random"));
        assert_int_equal(v.len, 0);
        assert_true(n == 2 || memcmp(k, zeros, sizeof k) == 0);
    }
    struct hg_error err = HG_ERROR_INIT;
    n_random = 0;
    use_random(&few);
    int r = hg_keyring_make(keyring, 3, &err);
    use_random(NULL);
    assert_int_equal(r, HG_EINTERNAL);
    assert_null(key(3));
}

static void test_origins(void **state)
{
    (void)state;
    static const char *const ab[] = {"https://a", "https://b", NULL};
    static const char *const bab[] = {"https://b", "https://a", "https://b", NULL};
    static const char *const a[] = {"https://a", NULL};
    static const char *const joined[] = {"https://ahttps://b", NULL};
    static const char *const none[] = {NULL};
    const char *many[70];
    unsigned char hashes[6][HG_ORIGINS_BYTES];
    const char *const *const lists[] = {ab, bab, a, joined, none, NULL};
    for (size_t i = 0; i < HG_COUNT(lists); i++) {
        assert_int_equal(hg_seal_origins(lists[i], hashes[i], NULL), HG_OK);
    }
    assert_memory_equal(hashes[0], hashes[1], HG_ORIGINS_BYTES);
    assert_memory_not_equal(hashes[0], hashes[2], HG_ORIGINS_BYTES);
    assert_memory_not_equal(hashes[0], hashes[3], HG_ORIGINS_BYTES);
    assert_memory_equal(hashes[4], hashes[5], HG_ORIGINS_BYTES);
    for (size_t i = 0; i < HG_COUNT(many); i++) {
        many[i] = i + 1 < HG_COUNT(many) ? "https://x" : NULL;
    }
    assert_int_equal(hg_seal_origins(many, hashes[0], NULL), HG_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens),
        cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_cut_and_longer),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_swapped),
        cmocka_unit_test(test_resealed),
        cmocka_unit_test(test_no_nonce_twice),
        cmocka_unit_test(test_no_random_bytes),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
