/*
 * IP addresses and networks of them.
 */
#ifndef HG_BASE_ADDRESS_H
#define HG_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "headgate/plugin.h"

enum { HG_ADDRESS_TEXT = 64 };

struct hg_address {
    bool is_v6;
    uint8_t bytes[16]; /* of IPv4 the first four, the rest are 0 */
    int port;          /* 0: none is known */
};

/* False for what is neither IPv4 nor IPv6. */
bool hg_address_of(const struct sockaddr *from, struct hg_address *ret);
/* "127.0.0.1" or "::1", without port, brackets and zone; false for anything else. */
bool hg_address_read(const char *text, struct hg_address *ret);
/* "127.0.0.1:80", "[::1]:80", without the port when it is 0. */
void hg_address_say(const struct hg_address *address, char ret[HG_ADDRESS_TEXT]);
/* The IPv4 address that an IPv6 one wraps (mapped, NAT64, 6to4); false when it wraps none. */
bool hg_address_unwrap(const struct hg_address *address, struct hg_address *ret);

/* A list of networks. Constant once it is made: [any] thread. */
struct hg_networks;

/*
 * `texts` (ended by NULL; NULL: none) are prefixes, each with a port or for all ports:
 * "10.1.0.0/16", "127.0.0.1/32:8080", "fd00::/8", "[fd00::/8]:443". An address alone is itself.
 * HG_EINVAL names one that is no prefix. Owned by the caller.
 */
int hg_networks_new(const char *const *texts, struct hg_networks **ret, struct hg_error *err);
/* NULL is fine. */
void hg_networks_free(struct hg_networks *networks);
HG_DEFINE_CLEANUP(hg_networks_freep, struct hg_networks *, hg_networks_free)
bool hg_networks_have(const struct hg_networks *networks, const struct hg_address *address);

#endif
