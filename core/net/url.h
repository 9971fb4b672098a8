/*
 * URLs, read by libcurl's parser and no other, so that what is checked is what is connected to.
 */
#ifndef HG_NET_URL_H
#define HG_NET_URL_H

#include <stdbool.h>

#include "headgate/plugin.h"

enum { HG_ORIGIN_TEXT = 300 };

/*
 * The origin of an http or https URL, "https://host:port", in lower case and with its port: what
 * credentials are bound to and what may be said of a URL, whose path can be a secret. HG_EINVAL for
 * another scheme, a user or password, a fragment, a zone id, control characters or spaces; the text
 * of the error holds nothing of the URL but its scheme and host.
 */
int hg_url_origin(const char *url, char ret[HG_ORIGIN_TEXT], struct hg_error *err);

/*
 * Where `reference`, of a Location header, leads to from `base`. Owned by the caller, free.
 * HG_EINVAL when it is no URL.
 */
int hg_url_resolve(const char *base, const char *reference, char **ret, struct hg_error *err);

/* Whether `origins` (ended by NULL; NULL: none) has it. They are compared as hg_url_origin gives
 * them. */
bool hg_origin_is_one_of(const char *origin, const char *const *origins);

#endif
