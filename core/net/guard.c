#include "net/guard.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/error.h"

struct hg_guard {
    struct hg_networks *denied;
    struct hg_networks *allowed;
};

/*
 * Not public: the special-purpose registries of IANA for IPv4 and IPv6 (RFC 6890), multicast, and
 * what was once site-local. The wrapped ranges are looked into, see unwrap.
 */
static const char *const special[] = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
    "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",   "::/128",
    "::1/128",        "::/96",          "100::/64",      "2001::/23",
    "2001:db8::/32",  "3fff::/20",      "5f00::/16",     "fc00::/7",
    "fe80::/10",      "fec0::/10",      "ff00::/8",      NULL,
};

static bool allows(const struct hg_guard *guard, const struct hg_address *address)
{
    struct hg_address inner;
    if (hg_networks_have(guard->allowed, address)) {
        return true;
    }
    return hg_address_unwrap(address, &inner) ? allows(guard, &inner)
                                              : !hg_networks_have(guard->denied, address);
}

int hg_guard_new(const char *const *allowed, struct hg_guard **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_guard_freep) struct hg_guard *guard = calloc(1, sizeof *guard);
    if (!guard) {
        return hg_error_nomem(err);
    }
    int r = hg_networks_new(special, &guard->denied, err);
    r = r < 0 ? r : hg_networks_new(allowed, &guard->allowed, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(guard);
    }
    return r;
}

void hg_guard_free(struct hg_guard *guard)
{
    if (guard) {
        hg_networks_free(guard->denied);
        hg_networks_free(guard->allowed);
        free(guard);
    }
}

bool hg_guard_allows(const struct hg_guard *guard, const struct sockaddr *address)
{
    struct hg_address read;
    return hg_address_of(address, &read) && allows(guard, &read);
}

bool hg_guard_allows_text(const struct hg_guard *guard, const char *address, int port)
{
    struct hg_address read;
    if (!address || !hg_address_read(address, &read)) {
        return false;
    }
    read.port = port;
    return allows(guard, &read);
}
