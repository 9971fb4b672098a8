/* Whom a request comes from when proxies stand between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "http/forwarded.h"

static const struct {
    const char *peer;
    const char *header;
    const char *client;
} cases[] = {
    /* Nobody else is believed. */
    {"8.8.8.8", NULL, "8.8.8.8"},
    {"8.8.8.8", "1.1.1.1", "8.8.8.8"},
    {"10.0.0.1", NULL, "10.0.0.1"},
    {"10.0.0.1", "", "10.0.0.1"},
    {"10.0.0.1", "1.1.1.1", "1.1.1.1"},
    {"::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"},
    /* A client can write what it likes in front of what the proxy adds. */
    {"10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"},
    {"10.0.0.1", "10.0.0.7, 1.1.1.1", "1.1.1.1"},
    {"10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2,10.0.0.3", "1.1.1.1"},
    {"10.0.0.1", "10.0.0.3 , 10.0.0.2", "10.0.0.3"},
    /* What cannot be read ends it: the proxy before it is all that is known. */
    {"10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"},
    {"10.0.0.1", "1.1.1.1, unknown, 10.0.0.2", "10.0.0.2"},
    {"10.0.0.1", "1.1.1.1,", "10.0.0.1"},
    {"10.0.0.1", ",,,", "10.0.0.1"},
    {"10.0.0.1", "_hidden", "10.0.0.1"},
    {"10.0.0.1", "1.1.1.1; drop table", "10.0.0.1"},
    {"10.0.0.1",
     "11111111111111111111111111111111111111111111111111111111111111111111",
     "10.0.0.1"},
    /* With a port. */
    {"10.0.0.1", "1.1.1.1:4711", "1.1.1.1"},
    {"10.0.0.1", "[2606:4700::1]:4711", "2606:4700::1"},
    {"10.0.0.1", "[2606:4700::1]", "2606:4700::1"},
    {"10.0.0.1", "2606:4700::1", "2606:4700::1"},
    {"10.0.0.1", "[2606:4700::1", "10.0.0.1"},
    {"fd00::1", "::ffff:1.1.1.1", "1.1.1.1"},
};

static void test_clients(void **state)
{
    static const char *const proxies[] = {"10.0.0.0/8", "fd00::/8", NULL};
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_networks_freep) struct hg_networks *trusted = NULL;
    (void)state;
    assert_int_equal(hg_networks_new(proxies, &trusted, &err), HG_OK);
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char client[HG_ADDRESS_TEXT];
        struct hg_address peer;
        assert_true(hg_address_read(cases[i].peer, &peer));
        peer.port = 5000;
        hg_forwarded_client(trusted, &peer, cases[i].header, client);
        if (strcmp(client, cases[i].client) != 0) {
            fail_msg("%s, \"%s\": %s", cases[i].peer, cases[i].header, client);
        }
        if (cases[i].header) {
            hg_forwarded_client(NULL, &peer, cases[i].header, client);
            assert_int_equal(strcmp(client, "1.1.1.1") == 0, false);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clients)};
    return cmocka_run_group_tests_name("forwarded", tests, NULL, NULL);
}
