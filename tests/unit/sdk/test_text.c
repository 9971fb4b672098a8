#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "headgate/text.h"

static void test_one_line(void **state)
{
    static const struct {
        const char *text, *line;
    } all[] = {
        {"", ""},
        {"\n", ""},
        {"one", "one"},
        {"two  blanks stay", "two  blanks stay"},
        {"ends\n", "ends"},
        {"a\nb", "a b"},
        {"a \r\n\tb\n\n  c \n", "a b c"},
        {"refused\n\tIs the server running?\n", "refused Is the server running?"},
        {"FATAL:  no\nDETAIL:  It is so.\nHINT:  Do that.\n", "FATAL:  no: It is so: Do that."},
        {"not a DETAIL:  here", "not a DETAIL:  here"},
        {"\nDETAIL:  x", ": x"},
        {"a\nDETAIL:", "a:"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "%s", all[i].text);
        hg_text_one_line(text);
        assert_string_equal(text, all[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
