#include "http/socket_accept.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "http/origin.h"
#include "http/sockets.h"

enum { KEY_TEXT = 24, KEY_BYTES = 16, SHA1_BYTES = 20, SHA1_TEXT = 32 };

/* Whether a comma-separated header holds the word, in any case. */
static bool has_word(const char *list, const char *word)
{
    size_t n_word = strlen(word);
    while (list && *list) {
        list += strspn(list, " \t,");
        size_t n = strcspn(list, ",");
        size_t end = n;
        while (end > 0 && (list[end - 1] == ' ' || list[end - 1] == '\t')) {
            end--;
        }
        if (end == n_word && strncasecmp(list, word, n_word) == 0) {
            return true;
        }
        list += n;
    }
    return false;
}

/* 16 bytes in base64: 22 characters and two of padding. */
static bool is_key(const char *key)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key && strlen(key) == KEY_TEXT && strspn(key, alphabet) == KEY_TEXT - 2 &&
           strcmp(key + KEY_TEXT - 2, "==") == 0;
}

static int check_handshake(struct hg_http_request *request, struct hg_error *err)
{
    const char *version = hg_http_header(request, "Sec-WebSocket-Version");
    const char *wrong = NULL;
    if (request->is_head || !has_word(hg_http_header(request, "Upgrade"), "websocket") ||
        !has_word(hg_http_header(request, "Connection"), "upgrade")) {
        wrong = "this address is a WebSocket, and the request does not ask for one";
    } else if (!version || strcmp(version, "13") != 0) {
        wrong = "Sec-WebSocket-Version is not 13";
    } else if (!is_key(hg_http_header(request, "Sec-WebSocket-Key"))) {
        wrong = "Sec-WebSocket-Key is not 16 bytes in base64";
    }
    if (!wrong) {
        return HG_OK;
    }
    (void)hg_http_bad_request(request, err, "%s", wrong);
    return hg_error_hint(err,
                         "Open it with a WebSocket client. Behind a proxy, let the headers Upgrade "
                         "and Connection through.");
}

static int check_origin(const struct hg_http_request *request, struct hg_error *err)
{
    /* No page can make a browser send one. */
    if (hg_http_bearer(request)) {
        return HG_OK;
    }
    if (!hg_http_header(request, "Origin")) {
        (void)hg_error_set(
            err, HG_EFORBIDDEN, "the handshake has neither our Origin nor a bearer token");
        return hg_error_hint(
            err, "Send the header Origin with the address of this host, as browsers do.");
    }
    return hg_http_check_origin(request, hg_sockets_public_url(request->sockets), err);
}

static int add_headers(struct hg_http_request *request, struct hg_error *err)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char accept[SHA1_TEXT];
    char text[KEY_TEXT + sizeof magic];
    (void)snprintf(text, sizeof text, "%s%s", hg_http_header(request, "Sec-WebSocket-Key"), magic);
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1) {
        return hg_error_set(err, HG_EINTERNAL, "the handshake cannot be answered: no SHA-1");
    }
    (void)EVP_EncodeBlock(accept, digest, SHA1_BYTES);
    int r = hg_http_answer_header(request, "Upgrade", "websocket", err);
    return r < 0
               ? r
               : hg_http_answer_header(request, "Sec-WebSocket-Accept", (const char *)accept, err);
}

int hg_http_accept_socket(struct hg_http_request *request,
                          const struct hg_events_filter *filter,
                          const char *last_event_id,
                          struct hg_error *err)
{
    struct hg_events *events = hg_sockets_events(request->sockets);
    if (!events) {
        return hg_error_set(err, HG_ENOTSUP, "this host has no live updates");
    }
    int r = check_handshake(request, err);
    r = r < 0 ? r : check_origin(request, err);
    r = r < 0 ? r : add_headers(request, err);
    r = r < 0 ? r : hg_sockets_take_place(request->sockets, err);
    if (r < 0) {
        return r;
    }
    r = hg_events_subscribe(events, filter, last_event_id, &request->answer.subscriber, err);
    if (r < 0) {
        hg_sockets_leave_place(request->sockets);
    } else {
        request->answer.status = 101;
    }
    return r;
}
