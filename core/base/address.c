#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"

struct prefix {
    struct hg_address address; /* port 0: all */
    int n_bits;
};

struct hg_networks {
    size_t n;
    struct prefix prefixes[];
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

bool hg_address_unwrap(const struct hg_address *address, struct hg_address *ret)
{
    if (!address->is_v6) {
        return false;
    }
    for (size_t i = 0; i < HG_COUNT(wrappers); i++) {
        if (same_bits(wrappers[i].prefix, address->bytes, wrappers[i].n_bits)) {
            *ret = (struct hg_address){.port = address->port};
            for (size_t k = 0; k < 4; k++) {
                ret->bytes[k] = address->bytes[wrappers[i].at[k]];
            }
            return true;
        }
    }
    return false;
}

bool hg_address_of(const struct sockaddr *from, struct hg_address *ret)
{
    *ret = (struct hg_address){0};
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

bool hg_address_read(const char *text, struct hg_address *ret)
{
    *ret = (struct hg_address){.is_v6 = strchr(text, ':') != NULL};
    return inet_pton(ret->is_v6 ? AF_INET6 : AF_INET, text, ret->bytes) == 1;
}

void hg_address_say(const struct hg_address *address, char ret[HG_ADDRESS_TEXT])
{
    char text[INET6_ADDRSTRLEN] = "?";
    (void)inet_ntop(address->is_v6 ? AF_INET6 : AF_INET, address->bytes, text, sizeof text);
    if (address->port == 0) {
        (void)snprintf(ret, HG_ADDRESS_TEXT, "%s", text);
    } else {
        (void)snprintf(
            ret, HG_ADDRESS_TEXT, address->is_v6 ? "[%s]:%d" : "%s:%d", text, address->port);
    }
}

/* ---- networks ---- */

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
    char text[HG_ADDRESS_TEXT];
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
    if (!hg_address_read(prefix, &ret->address)) {
        return false;
    }
    int64_t most = ret->address.is_v6 ? 128 : 32;
    ret->n_bits = (int)(n_bits < 0 ? most : n_bits);
    ret->address.port = port;
    return n_bits <= most;
}

int hg_networks_new(const char *const *texts, struct hg_networks **ret, struct hg_error *err)
{
    size_t n = 0;
    while (texts && texts[n]) {
        n++;
    }
    HG_CLEANUP(hg_networks_freep)
    struct hg_networks *networks = calloc(1, sizeof *networks + n * sizeof networks->prefixes[0]);
    if (!networks) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        if (!read_prefix(texts[i], &networks->prefixes[i])) {
            (void)hg_error_set(err, HG_EINVAL, "\"%.64s\" is no network of addresses", texts[i]);
            (void)hg_error_hint(
                err, "Such as 10.1.0.0/16, 127.0.0.1/32:8080, fd00::/8 or [fd00::/8]:443.");
            return HG_EINVAL;
        }
    }
    networks->n = n;
    *ret = HG_TAKE(networks);
    return HG_OK;
}

void hg_networks_free(struct hg_networks *networks)
{
    free(networks);
}

bool hg_networks_have(const struct hg_networks *networks, const struct hg_address *address)
{
    for (size_t i = 0; i < networks->n; i++) {
        const struct prefix *prefix = &networks->prefixes[i];
        const struct hg_address *of = &prefix->address;
        if (of->is_v6 == address->is_v6 && (of->port == 0 || of->port == address->port) &&
            same_bits(of->bytes, address->bytes, prefix->n_bits)) {
            return true;
        }
    }
    return false;
}
