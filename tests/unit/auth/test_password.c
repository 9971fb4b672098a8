#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/password.h"
#include "auth/roles.h"
#include "base/mem.h"

static void test_a_hash_matches_its_password_only(void **state)
{
    (void)state;
    char hash[HG_PASSWORD_HASH_TEXT];
    struct hg_error err = HG_ERROR_INIT;
    bool matches = false;
    assert_int_equal(hg_password_hash("p\xc3\xa4ss word", hash, &err), HG_OK);
    /* OWASP's parameters. */
    assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
    assert_int_equal(hg_password_verify(hash, "p\xc3\xa4ss word", &matches, &err), HG_OK);
    assert_true(matches);
    assert_int_equal(hg_password_verify(hash, "p\xc3\xa4ss wore", &matches, &err), HG_OK);
    assert_false(matches);
    assert_int_equal(hg_password_verify(hash, "", &matches, &err), HG_OK);
    assert_false(matches);
}

static void test_equal_passwords_have_different_hashes(void **state)
{
    (void)state;
    char first[HG_PASSWORD_HASH_TEXT];
    char second[HG_PASSWORD_HASH_TEXT];
    assert_int_equal(hg_password_hash("x", first, NULL), HG_OK);
    assert_int_equal(hg_password_hash("x", second, NULL), HG_OK);
    assert_string_not_equal(first, second);
}

static void test_lengths_are_bounded(void **state)
{
    (void)state;
    char hash[HG_PASSWORD_HASH_TEXT] = "untouched";
    char longest[HG_PASSWORD_MAX + 2];
    struct hg_error err = HG_ERROR_INIT;
    bool matches = true;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(hg_password_hash(longest, hash, &err), HG_EINVAL);
    assert_int_equal(hg_password_hash("", hash, &err), HG_EINVAL);
    assert_string_equal(hash, "untouched");
    longest[HG_PASSWORD_MAX] = '\0';
    assert_int_equal(hg_password_hash(longest, hash, &err), HG_OK);
    longest[HG_PASSWORD_MAX] = 'x';
    assert_int_equal(hg_password_verify(hash, longest, &matches, &err), HG_OK);
    assert_false(matches);
}

static void test_what_is_no_hash(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "$2y$10$abc", "$argon2id$v=19$m=19456,t=2,p=1$"};
    struct hg_error err = HG_ERROR_INIT;
    bool matches = false;
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        assert_int_equal(hg_password_verify(bad[i], "x", &matches, &err), HG_EDATA);
    }
    assert_false(matches);
}

/* It has to be a hash that is really worked on, not one refused at first sight. */
static void test_nobody_has_a_hash_too(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_password_verify_nobody("x", &err) < 0) {
        fail_msg("%s", err.message);
    }
}

static void test_generated_passwords(void **state)
{
    (void)state;
    char first[25];
    char second[25];
    assert_int_equal(hg_password_generate(first, NULL), HG_OK);
    assert_int_equal(hg_password_generate(second, NULL), HG_OK);
    assert_int_equal(strlen(first), 24);
    assert_string_not_equal(first, second);
}

static void *verify_one(void *arg)
{
    int *code = arg;
    *code = hg_password_verify_nobody("x", NULL);
    return NULL;
}

/* More than fit are told to come back; nobody hangs, and the gate is open again afterwards. */
static void test_many_at_once(void **state)
{
    (void)state;
    pthread_t threads[16];
    int codes[HG_COUNT(threads)];
    size_t n_ok = 0;
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, verify_one, &codes[i]), 0);
    }
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(codes[i] == HG_OK || codes[i] == HG_EUNAVAILABLE);
        n_ok += codes[i] == HG_OK;
    }
    assert_true(n_ok >= 1);
    assert_int_equal(hg_password_verify_nobody("x", NULL), HG_OK);
}

static void test_roles(void **state)
{
    (void)state;
    enum hg_role role = HG_ROLE_NONE;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_role_parse("data_scientist", &role, &err), HG_OK);
    assert_int_equal(role, HG_ROLE_DATA_SCIENTIST);
    assert_int_equal(hg_role_parse("root", &role, &err), HG_EINVAL);
    assert_int_equal(hg_role_parse("none", &role, &err), HG_EINVAL);
    assert_int_equal(role, HG_ROLE_DATA_SCIENTIST);
    assert_string_equal(hg_role_name(HG_ROLE_ADMIN), "admin");
    for (int have = HG_ROLE_NONE; have <= HG_ROLE_ADMIN; have++) {
        for (int needed = HG_ROLE_NONE; needed <= HG_ROLE_ADMIN; needed++) {
            assert_int_equal(hg_role_allows((enum hg_role)have, (enum hg_role)needed),
                             have >= needed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hash_matches_its_password_only),
        cmocka_unit_test(test_equal_passwords_have_different_hashes),
        cmocka_unit_test(test_lengths_are_bounded),
        cmocka_unit_test(test_what_is_no_hash),
        cmocka_unit_test(test_nobody_has_a_hash_too),
        cmocka_unit_test(test_generated_passwords),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
