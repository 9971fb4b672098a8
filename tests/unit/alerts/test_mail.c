/* An alert as a mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/mail.h"
#include "base/mem.h"

static const char *const to[] = {"one@example.com", "two@example.org", NULL};
static const struct hg_mail_head head = {
    "019ac1f0-0000-7000-8000-000000000001", "headgate@example.net", to, INT64_C(1764196204120000)};

/* The headers, and in *ret_body where the body begins. */
static char *make(const char *summary, const char **ret_body)
{
    struct hg_buf buf = HG_BUF_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *content = json_pack("{s:s}", "summary", summary);
    assert_non_null(content);
    hg_mail_put(&buf, &head, content);
    assert_false(hg_buf_failed(&buf));
    char *text = hg_buf_take(&buf);
    char *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    end[2] = '\0';
    *ret_body = end + 4;
    return text;
}

static void test_the_headers(void **state)
{
    const char *body;
    (void)state;
    HG_CLEANUP(hg_freep) char *text = make("p failed", &body);
    assert_string_equal(text,
                        "From: Headgate <headgate@example.net>\r\n"
                        "To: <one@example.com>,\r\n <two@example.org>\r\n"
                        "Subject: =?UTF-8?B?cCBmYWlsZWQ=?=\r\n"
                        "Date: Wed, 26 Nov 2025 22:30:04 +0000\r\n"
                        "Message-ID: <019ac1f0-0000-7000-8000-000000000001@example.net>\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: base64\r\n");
    assert_string_equal(body, "cCBmYWlsZWQNCg0K\r\n");
}

/* Whatever a name holds, there are no more headers, no longer lines, and no cut characters. */
static void test_hostile_texts(void **state)
{
    static const char *const summaries[] = {
        "a\r\nBcc: eve@example.com\r\n\r\nbody",
        "a\n.\nMAIL FROM:<x>",
        "=?UTF-8?Q?x?=",
        "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2"
        "\x82\xac\xe2"
        "\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82"
        "\xac",
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(summaries); i++) {
        const char *body;
        HG_CLEANUP(hg_freep) char *text = make(summaries[i], &body);
        int n_headers = 0;
        for (const char *line = text; *line; line = strstr(line, "\r\n") + 2) {
            n_headers += line[0] != ' ';
            assert_true(strstr(line, "\r\n") - line <= 78);
        }
        assert_int_equal(n_headers, 9);
        assert_null(strstr(text, "eve@"));
        assert_int_equal(strspn(body,
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
                                "\r\n"),
                         strlen(body));
    }
}

static void test_a_long_text(void **state)
{
    const char *body;
    char summary[5000];
    (void)state;
    memset(summary, 'x', sizeof summary);
    summary[sizeof summary - 1] = '\0';
    HG_CLEANUP(hg_freep) char *text = make(summary, &body);
    const char *subject = strstr(text, "Subject: ");
    const char *end = strstr(text, "Date: ");
    assert_true(end - subject < 400);
    for (const char *line = body; *line; line = strstr(line, "\r\n") + 2) {
        assert_true(strstr(line, "\r\n") - line <= 76);
    }
    assert_true(strlen(body) > 5000 * 4 / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_headers),
        cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_a_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
