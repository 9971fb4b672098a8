#include "net/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"

/* An address of either kind; IPv4 in the first four bytes. */
struct address {
    bool is_v6;
    uint8_t bytes[16];
    int port;
};

struct prefix {
    struct address address; /* port 0: all */
    int n_bits;
};

struct hg_guard {
    struct prefix *denied;
    size_t n_denied;
    struct prefix *allowed;
    size_t n_allowed;
};

/*
 * Not public: the special-purpose registries of IANA for IPv4 and IPv6 (RFC 6890), multicast, and
 * what was once site-local. The wrapped ranges are looked into, see unwrap.
 */
static const char *const special[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "::/128",        "::1/128",         "::/96",          "100::/64",       "2001::/23",
    "2001:db8::/32", "3fff::/20",       "5f00::/16",      "fc00::/7",       "fe80::/10",
    "fec0::/10",     "ff00::/8",
};

/* IPv6 ranges with an IPv4 address inside: where its bytes stand (RFC 4291, 6052, 8215, 3056). */
static const struct {
    uint8_t prefix[12];
    int n_bits;
    uint8_t at[4];
} wrappers[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, {12, 13, 14, 15}},
    {{0, 0x64, 0xff, 0x9b}, 96, {12, 13, 14, 15}},
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {6, 7, 9, 10}},
    {{0x20, 0x02}, 16, {2, 3, 4, 5}},
};

static bool same_bits(const uint8_t *a, const uint8_t *b, int n_bits)
{
    int n_bytes = n_bits / 8;
    int rest = n_bits % 8;
    if (memcmp(a, b, (size_t)n_bytes) != 0) {
        return false;
    }
    return rest == 0 || ((a[n_bytes] ^ b[n_bytes]) >> (8 - rest)) == 0;
}

static bool matches(const struct prefix *prefixes, size_t n, const struct address *address)
{
    for (size_t i = 0; i < n; i++) {
        const struct address *of = &prefixes[i].address;
        if (of->is_v6 == address->is_v6 && (of->port == 0 || of->port == address->port) &&
            same_bits(of->bytes, address->bytes, prefixes[i].n_bits)) {
            return true;
        }
    }
    return false;
}

/* The IPv4 address inside of an IPv6 one; false when there is none. */
static bool unwrap(const struct address *address, struct address *ret)
{
    if (!address->is_v6) {
        return false;
    }
    for (size_t i = 0; i < HG_COUNT(wrappers); i++) {
        if (same_bits(wrappers[i].prefix, address->bytes, wrappers[i].n_bits)) {
            *ret = (struct address){.port = address->port};
            for (size_t k = 0; k < 4; k++) {
                ret->bytes[k] = address->bytes[wrappers[i].at[k]];
            }
            return true;
        }
    }
    return false;
}

static bool allows(const struct hg_guard *guard, const struct address *address)
{
    struct address inner;
    bool is_wrapped = unwrap(address, &inner);
    if (matches(guard->allowed, guard->n_allowed, address)) {
        return true;
    }
    return is_wrapped ? allows(guard, &inner) : !matches(guard->denied, guard->n_denied, address);
}

static bool from_sockaddr(const struct sockaddr *from, struct address *ret)
{
    *ret = (struct address){0};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof in);
        memcpy(ret->bytes, &in.sin_addr, sizeof in.sin_addr);
        ret->port = ntohs(in.sin_port);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        memcpy(ret->bytes, &in6.sin6_addr, sizeof in6.sin6_addr);
        ret->is_v6 = true;
        ret->port = ntohs(in6.sin6_port);
        return true;
    }
    return false;
}

static bool from_text(const char *text, struct address *ret)
{
    *ret = (struct address){.is_v6 = strchr(text, ':') != NULL};
    return inet_pton(ret->is_v6 ? AF_INET6 : AF_INET, text, ret->bytes) == 1;
}

/* ---- prefixes ---- */

/* Cuts "[PREFIX]:PORT" and "V4PREFIX:PORT" into their parts; false when it is neither. */
static bool cut_port(char *text, char **ret_prefix, int *ret_port)
{
    char *port = NULL;
    int64_t number = 0;
    *ret_prefix = text;
    if (text[0] == '[') {
        char *end = strchr(text, ']');
        if (!end || (end[1] != ':' && end[1] != '\0')) {
            return false;
        }
        port = end[1] == ':' ? end + 2 : NULL;
        *end = '\0';
        *ret_prefix = text + 1;
    } else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
        port = strchr(text, ':');
        *port++ = '\0';
    }
    if (port && hg_parse_int64(port, 1, 65535, &number, NULL) < 0) {
        return false;
    }
    *ret_port = (int)number;
    return true;
}

static bool read_prefix(const char *given, struct prefix *ret)
{
    char text[HG_GUARD_TEXT];
    char *prefix;
    int port = 0;
    int64_t n_bits = -1;
    if (strlen(given) >= sizeof text) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%s", given);
    if (!cut_port(text, &prefix, &port)) {
        return false;
    }
    char *slash = strchr(prefix, '/');
    if (slash) {
        *slash = '\0';
        if (hg_parse_int64(slash + 1, 0, 128, &n_bits, NULL) < 0) {
            return false;
        }
    }
    if (!from_text(prefix, &ret->address)) {
        return false;
    }
    int64_t most = ret->address.is_v6 ? 128 : 32;
    ret->n_bits = (int)(n_bits < 0 ? most : n_bits);
    ret->address.port = port;
    return n_bits <= most;
}

static int read_all(
    const char *const *texts, size_t n, struct prefix **ret, size_t *ret_n, struct hg_error *err)
{
    *ret = calloc(n ? n : 1, sizeof **ret);
    if (!*ret) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        if (!read_prefix(texts[i], &(*ret)[i])) {
            (void)hg_error_set(err, HG_EINVAL, "\"%.64s\" is no prefix of addresses", texts[i]);
            return hg_error_hint(
                err, "Such as 10.1.0.0/16, 127.0.0.1/32:8080, fd00::/8 or [fd00::/8]:443.");
        }
        *ret_n = i + 1;
    }
    return HG_OK;
}

/* ---- the guard ---- */

int hg_guard_new(const char *const *allowed, struct hg_guard **ret, struct hg_error *err)
{
    size_t n = 0;
    HG_CLEANUP(hg_guard_freep) struct hg_guard *guard = calloc(1, sizeof *guard);
    if (!guard) {
        return hg_error_nomem(err);
    }
    while (allowed && allowed[n]) {
        n++;
    }
    int r = read_all(special, HG_COUNT(special), &guard->denied, &guard->n_denied, err);
    r = r < 0 ? r : read_all(allowed, n, &guard->allowed, &guard->n_allowed, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(guard);
    }
    return r;
}

void hg_guard_free(struct hg_guard *guard)
{
    if (guard) {
        free(guard->denied);
        free(guard->allowed);
        free(guard);
    }
}

bool hg_guard_allows(const struct hg_guard *guard, const struct sockaddr *address)
{
    struct address read;
    return from_sockaddr(address, &read) && allows(guard, &read);
}

bool hg_guard_allows_text(const struct hg_guard *guard, const char *address, int port)
{
    struct address read;
    if (!address || !from_text(address, &read)) {
        return false;
    }
    read.port = port;
    return allows(guard, &read);
}

void hg_guard_say(const struct sockaddr *address, char ret[HG_GUARD_TEXT])
{
    struct address read;
    char text[INET6_ADDRSTRLEN] = "?";
    if (!from_sockaddr(address, &read)) {
        (void)snprintf(ret, HG_GUARD_TEXT, "an address of family %d", address->sa_family);
        return;
    }
    (void)inet_ntop(read.is_v6 ? AF_INET6 : AF_INET, read.bytes, text, sizeof text);
    (void)snprintf(ret, HG_GUARD_TEXT, read.is_v6 ? "[%s]:%d" : "%s:%d", text, read.port);
}
