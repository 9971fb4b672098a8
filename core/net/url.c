#include "net/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/error.h"
#include "base/mem.h"

HG_DEFINE_CLEANUP(url_freep, CURLU *, curl_url_cleanup)

static void curl_textp(char **text)
{
    curl_free(*text);
    *text = NULL;
}

static bool has_controls(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c <= ' ' || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

static int refuse(struct hg_error *err, const char *why)
{
    return hg_error_set(err, HG_EINVAL, "the URL %s", why);
}

/* What a URL to call must not have. */
static int check_parts(CURLU *parts, struct hg_error *err)
{
    static const struct {
        CURLUPart part;
        const char *why;
    } none[] = {
        {CURLUPART_USER, "has a user name in it: give credentials apart from it"},
        {CURLUPART_PASSWORD, "has a password in it: give credentials apart from it"},
        {CURLUPART_FRAGMENT, "has a fragment (#...), which is never sent"},
        {CURLUPART_ZONEID, "names an interface of this machine"},
    };
    for (size_t i = 0; i < HG_COUNT(none); i++) {
        HG_CLEANUP(curl_textp) char *text = NULL;
        if (curl_url_get(parts, none[i].part, &text, 0) == CURLUE_OK) {
            return refuse(err, none[i].why);
        }
    }
    return HG_OK;
}

static int read(const char *url, CURLU **ret, struct hg_error *err)
{
    HG_CLEANUP(url_freep) CURLU *parts = curl_url();
    if (!parts) {
        return hg_error_nomem(err);
    }
    if (has_controls(url)) {
        return refuse(err, "has a space or a control character in it");
    }
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OUT_OF_MEMORY) {
        return hg_error_nomem(err);
    }
    if (code != CURLUE_OK) {
        return refuse(err, "cannot be read: it is no http:// or https:// URL");
    }
    *ret = HG_TAKE(parts);
    return HG_OK;
}

int hg_url_origin(const char *url, char ret[HG_ORIGIN_TEXT], struct hg_error *err)
{
    HG_CLEANUP(url_freep) CURLU *parts = NULL;
    HG_CLEANUP(curl_textp) char *scheme = NULL;
    HG_CLEANUP(curl_textp) char *host = NULL;
    HG_CLEANUP(curl_textp) char *port = NULL;
    int r = read(url, &parts, err);
    if (r < 0) {
        return r;
    }
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)) {
        return refuse(err, "is neither http:// nor https://");
    }
    r = check_parts(parts, err);
    if (r < 0) {
        return r;
    }
    if (curl_url_get(parts, CURLUPART_HOST, &host, CURLU_PUNYCODE) != CURLUE_OK || !host[0] ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        return refuse(err, "has no host");
    }
    for (char *c = host; *c; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    int n = snprintf(ret, HG_ORIGIN_TEXT, "%s://%s:%s", scheme, host, port);
    return n < HG_ORIGIN_TEXT ? HG_OK : refuse(err, "has a host name that is too long");
}

int hg_url_resolve(const char *base, const char *reference, char **ret, struct hg_error *err)
{
    HG_CLEANUP(url_freep) CURLU *parts = NULL;
    HG_CLEANUP(curl_textp) char *text = NULL;
    int r = read(base, &parts, err);
    if (r < 0) {
        return r;
    }
    if (has_controls(reference) ||
        curl_url_set(parts, CURLUPART_URL, reference, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_URL, &text, 0) != CURLUE_OK) {
        return hg_error_set(err, HG_EINVAL, "the address that it redirects to cannot be read");
    }
    *ret = strdup(text);
    return *ret ? HG_OK : hg_error_nomem(err);
}

bool hg_origin_is_one_of(const char *origin, const char *const *origins)
{
    for (; origins && *origins; origins++) {
        if (strcmp(origin, *origins) == 0) {
            return true;
        }
    }
    return false;
}
