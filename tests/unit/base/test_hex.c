/* Hexadecimal digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"

static void test_every_byte_comes_back(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        unsigned char byte = (unsigned char)i;
        char text[3];
        char upper[3];
        assert_ptr_equal(hg_hex(&byte, 1, text), text + 2);
        (void)snprintf(upper, sizeof upper, "%02X", (unsigned)i);
        assert_int_equal(strlen(text), 2);
        assert_int_equal(hg_hex_byte(text), i);
        assert_int_equal(hg_hex_byte(upper), i);
    }
}

static void test_what_is_no_digit(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        int expected = i != 0 && strchr("0123456789abcdefABCDEF", i) != NULL;
        assert_int_equal(hg_hex_digit((char)i) >= 0, expected);
    }
    assert_int_equal(hg_hex_byte(""), -1);
    assert_int_equal(hg_hex_byte("a"), -1);
    assert_int_equal(hg_hex_byte("ag"), -1);
    assert_int_equal(hg_hex_byte("ga"), -1);
}

static void test_many_and_none(void **state)
{
    char text[9];
    (void)state;
    (void)hg_hex("\x00\xff\x10\xab", 4, text);
    assert_string_equal(text, "00ff10ab");
    (void)hg_hex("", 0, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_comes_back),
        cmocka_unit_test(test_what_is_no_digit),
        cmocka_unit_test(test_many_and_none),
    };
    return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
