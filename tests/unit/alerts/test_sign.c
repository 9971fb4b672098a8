/* Signatures of webhooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/sign.h"
#include "base/error.h"
#include "base/mem.h"

/* The example of the Standard Webhooks specification. */
static void test_the_known_answer(void **state)
{
    static const char key[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    char text[HG_SIGN_TEXT];
    (void)state;
    assert_int_equal(hg_secret_new(key, strlen(key), &secret, NULL), HG_OK);
    assert_int_equal(hg_sign(secret,
                             "msg_p5jXN8AQM9LWM0D4loKWxJek",
                             1614265330,
                             "{\"test\": 2432232314}",
                             text,
                             NULL),
                     HG_OK);
    assert_string_equal(text, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#define BYTES_24 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void test_what_a_secret_is(void **state)
{
    static const struct {
        const char *text;
        int code;
    } texts[] = {
        {"whsec_" BYTES_24, HG_OK},
        {"whsec_" BYTES_24 BYTES_24 "AAAAAAAAAAAAAAAAAAAAAA==", HG_OK}, /* 64 bytes */
        {"whsec_" BYTES_24 "AAA=", HG_OK},
        {"whsec_" BYTES_24 BYTES_24 "AAAAAAAAAAAAAAAAAAAAAAA=", HG_EINVAL}, /* 65 */
        {"whsec_" BYTES_24 BYTES_24 BYTES_24 BYTES_24, HG_EINVAL},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", HG_EINVAL}, /* 23 */
        {"whsec_" BYTES_24 "A", HG_EINVAL},
        {"whsec_" BYTES_24 "A===", HG_EINVAL},
        {"whsec_" BYTES_24 "AA=A", HG_EINVAL},
        {"whsec_" BYTES_24 "AA\r\n", HG_EINVAL},
        {"whsec_====", HG_EINVAL},
        {"whsec_", HG_EINVAL},
        {BYTES_24, HG_EINVAL},
        {"", HG_EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        struct hg_error err = HG_ERROR_INIT;
        if (hg_sign_check_secret(texts[i].text, &err) != texts[i].code) {
            fail_msg("%zu: \"%s\"", i, texts[i].text);
        }
        if (texts[i].code < 0) {
            assert_string_equal(err.pointer, "/secret");
            assert_null(strstr(err.message, "AAAA"));
        }
    }
}

static void test_made_secrets(void **state)
{
    char one[HG_SIGN_SECRET_TEXT];
    char other[HG_SIGN_SECRET_TEXT];
    (void)state;
    assert_int_equal(hg_sign_new_secret(one, NULL), HG_OK);
    assert_int_equal(hg_sign_new_secret(other, NULL), HG_OK);
    assert_string_not_equal(one, other);
    assert_int_equal(hg_sign_check_secret(one, NULL), HG_OK);
    assert_int_equal(strlen(one), 6 + 44);
}

static void test_no_key(void **state)
{
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    char text[HG_SIGN_TEXT] = "untouched";
    (void)state;
    assert_int_equal(hg_secret_new("not one", 7, &secret, NULL), HG_OK);
    assert_int_equal(hg_sign(secret, "id", 1, "{}", text, NULL), HG_EDATA);
    assert_string_equal(text, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_answer),
        cmocka_unit_test(test_what_a_secret_is),
        cmocka_unit_test(test_made_secrets),
        cmocka_unit_test(test_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
