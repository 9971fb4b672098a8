/*
 * Whom a request comes from when proxies stand between.
 */
#ifndef HG_HTTP_FORWARDED_H
#define HG_HTTP_FORWARDED_H

#include "base/address.h"

/*
 * `peer` is who has connected, `header` what X-Forwarded-For says (of several the values joined by
 * commas; NULL: none). What a proxy that is not `trusted` (NULL: none is) says counts for nothing:
 * the list is read from its end, as far as those who wrote it are trusted and an address can be
 * read. *ret is the client's address as text, without a port; mapped IPv4 as IPv4.
 */
void hg_forwarded_client(const struct hg_networks *trusted,
                         const struct hg_address *peer,
                         const char *header,
                         char ret[HG_ADDRESS_TEXT]);

#endif
