/* Addresses of mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mail.h"
#include "base/mem.h"

static void test_addresses(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } texts[] = {
        {"ops@example.com", true},
        {"o.p-s+x_y'z@mail.example-1.com", true},
        {"a@b", true},
        {"", false},
        {"a", false},
        {"@b", false},
        {"a@", false},
        {"a@b@c", false},
        {".a@b", false},
        {"a.@b", false},
        {"a..b@c", false},
        {"a@.b", false},
        {"a@b.", false},
        {"a@b..c", false},
        {"a b@c", false},
        {"a@b c", false},
        {"a@b\r\nRCPT TO:<x@y>", false},
        {"a\n@b", false},
        {"<a@b>", false},
        {"a@b>", false},
        {"a,b@c", false},
        {"\"a\"@b", false},
        {"\xc3\xa4@b", false},
        {"a@[127.0.0.1]", false},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        if (hg_mail_is_address(texts[i].text) != texts[i].is) {
            fail_msg("\"%s\"", texts[i].text);
        }
    }
}

static void test_long_addresses(void **state)
{
    char text[300];
    (void)state;
    (void)snprintf(text, sizeof text, "%064d@b", 0);
    assert_true(hg_mail_is_address(text));
    (void)snprintf(text, sizeof text, "%065d@b", 0);
    assert_false(hg_mail_is_address(text));
    (void)snprintf(text, sizeof text, "a@%0252d", 0);
    assert_true(hg_mail_is_address(text));
    (void)snprintf(text, sizeof text, "a@%0253d", 0);
    assert_false(hg_mail_is_address(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_long_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
