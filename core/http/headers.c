#include "http/headers.h"

#include "base/hex.h"

static const struct hg_http_field fixed[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
    {NULL, NULL},
};

int hg_headers_nonce(char ret[HG_NONCE_TEXT], struct hg_error *err)
{
    unsigned char random[(HG_NONCE_TEXT - 1) / 2];
    int r = hg_random_bytes(random, sizeof random, err);
    if (r == HG_OK) {
        (void)hg_hex(random, sizeof random, ret);
    }
    return r;
}

int hg_headers_page_policy(struct hg_http_request *request, const char *nonce, struct hg_error *err)
{
    const char *policy = hg_arena_printf(
        &request->arena,
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        nonce);
    if (!policy) {
        return hg_error_nomem(err);
    }
    return hg_http_answer_header(request, "Content-Security-Policy", policy, err);
}

const struct hg_http_field *hg_headers_fixed(void)
{
    return fixed;
}

const char *hg_headers_file_policy(void)
{
    return "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
           "form-action 'none'; frame-ancestors 'none'";
}

const char *hg_headers_plain_policy(void)
{
    return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}
