/* What may be connected to, by address. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/error.h"
#include "net/guard.h"

static struct hg_guard *guard_of(const char *const *allowed)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_guard *guard = NULL;
    if (hg_guard_new(allowed, &guard, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return guard;
}

static void check(const struct hg_guard *guard, const char *address, int port, bool expected)
{
    if (hg_guard_allows_text(guard, address, port) != expected) {
        fail_msg("%s is %s", address, expected ? "refused" : "let through");
    }
}

/* The first and last address of each range, and their neighbours. */
static void test_special_ranges(void **state)
{
    static const char *const denied[] = {
        "0.0.0.0",      "0.255.255.255",   "10.0.0.0",   "10.255.255.255",
        "100.64.0.0",   "100.127.255.255", "127.0.0.1",  "127.255.255.255",
        "169.254.0.0",  "169.254.169.254", "172.16.0.0", "172.31.255.255",
        "192.0.0.0",    "192.0.0.255",     "192.0.2.1",  "192.88.99.1",
        "192.168.0.0",  "192.168.255.255", "198.18.0.0", "198.19.255.255",
        "198.51.100.7", "203.0.113.7",     "224.0.0.1",  "239.255.255.255",
        "240.0.0.1",    "255.255.255.255", "::",         "::1",
        "::7f00:1",     "100::1",          "2001::1",    "2001:1ff:ffff::1",
        "2001:db8::1",  "3fff::1",         "fc00::1",    "fdff::1",
        "fe80::1",      "febf::1",         "fec0::1",    "ff02::1",
    };
    static const char *const public[] = {
        "1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
        "172.32.0.0",      "192.0.1.0",       "192.167.255.255", "192.169.0.0",    "198.17.255.255",
        "198.20.0.0",      "223.255.255.255", "2606:4700::1111", "2001:200::1",    "2a00::1",
        "fbff::1",
    };
    (void)state;
    HG_CLEANUP(hg_guard_freep) struct hg_guard *guard = guard_of(NULL);
    for (size_t i = 0; i < HG_COUNT(denied); i++) {
        check(guard, denied[i], 443, false);
    }
    for (size_t i = 0; i < HG_COUNT(public); i++) {
        check(guard, public[i], 443, true);
    }
}

static void test_wrapped_addresses(void **state)
{
    static const struct {
        const char *address;
        bool expected;
    } cases[] = {
        {"::ffff:127.0.0.1", false},
        {"::ffff:1.1.1.1", true},
        {"64:ff9b::10.0.0.1", false},
        {"64:ff9b::1.1.1.1", true},
        {"64:ff9b:1:7f00:0:100::", false},
        {"64:ff9b:1:101:1:100::", true},
        {"2002:7f00:1::", false},
        {"2002:101:101::", true},
        {"2002:a9fe:a9fe::1", false},
    };
    (void)state;
    HG_CLEANUP(hg_guard_freep) struct hg_guard *guard = guard_of(NULL);
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        check(guard, cases[i].address, 80, cases[i].expected);
    }
}

static void test_what_is_allowed_besides(void **state)
{
    static const char *const allowed[] = {
        "10.1.0.0/16", "127.0.0.1:8080", "[fd00::/8]:443", "::1", "192.168.0.0/17:80", NULL};
    static const struct {
        const char *address;
        int port;
        bool expected;
    } cases[] = {
        {"10.1.255.255", 1, true},
        {"10.2.0.0", 1, false},
        {"10.0.255.255", 1, false},
        {"127.0.0.1", 8080, true},
        {"127.0.0.1", 8081, false},
        {"127.0.0.2", 8080, false},
        {"fd12::1", 443, true},
        {"fd12::1", 80, false},
        {"fc00::1", 443, false},
        {"::1", 5, true},
        {"192.168.127.1", 80, true},
        {"192.168.128.1", 80, false},
        {"::ffff:10.1.0.1", 7, true},
        {"64:ff9b::10.1.0.1", 7, true},
        {"64:ff9b::10.2.0.1", 7, false},
    };
    (void)state;
    HG_CLEANUP(hg_guard_freep) struct hg_guard *guard = guard_of(allowed);
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        check(guard, cases[i].address, cases[i].port, cases[i].expected);
    }
}

static void test_prefixes_that_cannot_be(void **state)
{
    static const char *const wrong[] = {
        "",
        "localhost",
        "10.0.0.0/33",
        "10.0.0/8",
        "::/129",
        "10.0.0.0/-1",
        "1.2.3.4:0",
        "1.2.3.4:65536",
        "[::1",
        "[::1]x",
        "[::1]:",
        "1.2.3.4/",
        "1.2.3.4:",
        "10.0.0.0/8 ",
        "fe80::1%lo",
        "[10.0.0.1",
        "0000000000000000000000000000000000000000000000000000000000000000000000000000.1",
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(wrong); i++) {
        struct hg_error err = HG_ERROR_INIT;
        struct hg_guard *guard = NULL;
        const char *const list[] = {"10.0.0.0/8", wrong[i], NULL};
        if (hg_guard_new(list, &guard, &err) != HG_EINVAL) {
            fail_msg("\"%s\" is taken", wrong[i]);
        }
        assert_null(guard);
        assert_non_null(strstr(err.message, "is no network"));
    }
}

static void test_sockets(void **state)
{
    char text[HG_ADDRESS_TEXT];
    struct hg_address address;
    const struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(81)};
    (void)state;
    HG_CLEANUP(hg_guard_freep) struct hg_guard *guard = guard_of(NULL);
    assert_false(hg_guard_allows(guard, (const struct sockaddr *)&local));
    assert_int_equal(inet_pton(AF_INET, "8.8.8.8", &in.sin_addr), 1);
    assert_true(hg_guard_allows(guard, (const struct sockaddr *)&in));
    assert_true(hg_address_of((const struct sockaddr *)&in, &address));
    hg_address_say(&address, text);
    assert_string_equal(text, "8.8.8.8:80");
    assert_int_equal(inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr), 1);
    assert_false(hg_guard_allows(guard, (const struct sockaddr *)&in6));
    assert_true(hg_address_of((const struct sockaddr *)&in6, &address));
    hg_address_say(&address, text);
    assert_string_equal(text, "[fe80::1]:81");
    address.port = 0;
    hg_address_say(&address, text);
    assert_string_equal(text, "fe80::1");
    assert_false(hg_guard_allows_text(guard, NULL, 80));
    assert_false(hg_guard_allows_text(guard, "example.com", 80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_ranges),
        cmocka_unit_test(test_wrapped_addresses),
        cmocka_unit_test(test_what_is_allowed_besides),
        cmocka_unit_test(test_prefixes_that_cannot_be),
        cmocka_unit_test(test_sockets),
    };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
