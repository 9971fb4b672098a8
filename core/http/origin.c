#include "http/origin.h"

#include <string.h>
#include <strings.h>

/* The length of "scheme://host:port" at the start of a URL. */
static size_t origin_length(const char *url)
{
    const char *authority = strstr(url, "://");
    return authority ? (size_t)(authority - url) + 3 + strcspn(authority + 3, "/?#") : strlen(url);
}

static bool is_public_origin(const char *origin, const char *public_url)
{
    size_t n = origin_length(public_url);
    return strlen(origin) == n && strncasecmp(origin, public_url, n) == 0;
}

static bool is_host_origin(const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    return authority && host && strcasecmp(authority + 3, host) == 0;
}

int hg_http_check_origin(const struct hg_http_request *request,
                         const char *public_url,
                         struct hg_error *err)
{
    const char *site = hg_http_header(request, "Sec-Fetch-Site");
    const char *origin = hg_http_header(request, "Origin");
    bool own_site = !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    bool own_origin = !origin || is_host_origin(origin, hg_http_header(request, "Host")) ||
                      (public_url && is_public_origin(origin, public_url));
    if (own_site && own_origin) {
        return HG_OK;
    }
    (void)hg_error_set(err, HG_EFORBIDDEN, "a page of another origin made the browser send this");
    return hg_error_hint(
        err,
        "If Headgate is reached through a proxy, set public_url to the address that "
        "the browser shows.");
}
