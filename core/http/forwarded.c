#include "http/forwarded.h"

#include <stdio.h>
#include <string.h>

/* Proxies write "1.2.3.4", "1.2.3.4:5", "::1", "[::1]" or "[::1]:5". */
static bool read_entry(const char *text, size_t n, struct hg_address *ret)
{
    char copy[HG_ADDRESS_TEXT];
    while (n > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        n--;
    }
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) {
        n--;
    }
    if (n == 0 || n >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, n);
    copy[n] = '\0';
    char *bare = copy;
    char *end = NULL;
    if (copy[0] == '[') {
        bare = copy + 1;
        end = strchr(copy, ']');
        if (!end) {
            return false;
        }
    } else if (strchr(copy, ':') == strrchr(copy, ':')) {
        end = strchr(copy, ':');
    }
    if (end) {
        *end = '\0';
    }
    return hg_address_read(bare, ret);
}

/* Its last entry before `*end`, which moves to the comma before; false when there is none. */
static bool last_entry(const char *header, size_t *end, struct hg_address *ret)
{
    size_t begin = *end;
    if (*end == 0) {
        return false;
    }
    while (begin > 0 && header[begin - 1] != ',') {
        begin--;
    }
    bool is_read = read_entry(header + begin, *end - begin, ret);
    *end = begin > 0 ? begin - 1 : 0;
    return is_read;
}

static void plain(struct hg_address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct hg_address inner;
    address->port = 0;
    if (address->is_v6 && memcmp(address->bytes, mapped, sizeof mapped) == 0 &&
        hg_address_unwrap(address, &inner)) {
        *address = inner;
    }
}

void hg_forwarded_client(const struct hg_networks *trusted,
                         const struct hg_address *peer,
                         const char *header,
                         char ret[HG_ADDRESS_TEXT])
{
    struct hg_address client = *peer;
    struct hg_address entry;
    size_t end = header ? strlen(header) : 0;
    plain(&client);
    while (trusted && hg_networks_have(trusted, &client) && last_entry(header, &end, &entry)) {
        client = entry;
        plain(&client);
    }
    hg_address_say(&client, ret);
}
