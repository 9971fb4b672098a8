#include "net/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"

enum {
    CONNECT_MS = 5000,
    SLOW_BYTES_S = 1024, /* for longer than SLOW_S */
    SLOW_S = 30,
    HEADERS_MAX = 64 << 10,
    NAME_MAX_BYTES = 256,
};

/* ---- what libcurl calls ---- */

/* After the name was resolved, before it is connected to. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct hg_net_exchange *exchange = arg;
    (void)purpose;
    if (!hg_guard_allows(exchange->guard, &address->addr)) {
        exchange->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A connection that was there already has not been through on_open for this one. */
static int on_connected(void *arg, char *address, char *local, int port, int local_port)
{
    struct hg_net_exchange *exchange = arg;
    (void)local;
    (void)local_port;
    if (!hg_guard_allows_text(exchange->guard, address, port)) {
        exchange->is_refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

/* libcurl's own limit does not see what is unpacked, nor an answer without a length. */
static size_t on_body(char *bytes, size_t one, size_t n, void *arg)
{
    struct hg_net_exchange *exchange = arg;
    struct hg_buf *body = &exchange->response->body;
    int64_t most = exchange->request->body_max > 0 ? exchange->request->body_max : 1 << 20;
    (void)one;
    if (n > (uint64_t)most || body->len > (uint64_t)most - n) {
        exchange->is_too_big = true;
        return CURL_WRITEFUNC_ERROR;
    }
    hg_buf_append(body, bytes, n);
    exchange->is_out_of_memory = hg_buf_failed(body);
    return exchange->is_out_of_memory ? CURL_WRITEFUNC_ERROR : n;
}

static void keep_header(struct hg_net_exchange *exchange, const char *line, size_t n)
{
    char name[NAME_MAX_BYTES];
    const char *colon = memchr(line, ':', n);
    size_t n_name = colon ? (size_t)(colon - line) : 0;
    if (n_name == 0 || n_name >= sizeof name) {
        return;
    }
    for (size_t i = 0; i < n_name; i++) {
        name[i] = (char)(line[i] >= 'A' && line[i] <= 'Z' ? line[i] - 'A' + 'a' : line[i]);
    }
    name[n_name] = '\0';
    const char *value = colon + 1;
    const char *end = line + n;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && strchr("\r\n \t", end[-1])) {
        end--;
    }
    /* Neither name nor value need be UTF-8: such a header is left out. */
    (void)json_object_set_new(
        exchange->response->headers, name, json_stringn(value, (size_t)(end - value)));
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
    struct hg_net_exchange *exchange = arg;
    (void)one;
    exchange->n_header_bytes += n;
    if (exchange->n_header_bytes > HEADERS_MAX) {
        exchange->is_too_big = true;
        return 0;
    }
    if (n > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        (void)json_object_clear(exchange->response->headers); /* of a 100 before */
    } else {
        keep_header(exchange, line, n);
    }
    return n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct hg_net_exchange *exchange = arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(&exchange->cancelled) ? 1 : 0;
}

/* ---- the request ---- */

/* One line of a request: a name of token characters, and a value without control characters. */
static bool is_header(const char *line)
{
    static const char other[] = "!#$%&'*+-.^_`|~";
    size_t n = strcspn(line, ":");
    if (n == 0 || line[n] != ':') {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter && !(c >= '0' && c <= '9') && !strchr(other, c)) {
            return false;
        }
    }
    for (const unsigned char *c = (const unsigned char *)line + n; *c; c++) {
        if ((*c < ' ' && *c != '\t') || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* The text is borrowed: libcurl's own function would copy it to where it is not wiped. */
static int add_line(struct hg_net_exchange *exchange,
                    char *line,
                    const char *what,
                    struct hg_error *err)
{
    if (!is_header(line)) {
        return hg_error_set(
            err, HG_EINVAL, "%s cannot be sent: it is no header, or has a line end in it", what);
    }
    struct curl_slist *node = malloc(sizeof *node);
    if (!node) {
        return hg_error_nomem(err);
    }
    *node = (struct curl_slist){line, exchange->headers};
    exchange->headers = node;
    return HG_OK;
}

static int add_credential(struct hg_net_exchange *exchange, struct hg_error *err)
{
    const struct hg_net_credential *credential = exchange->request->credential;
    const char *before = credential->before ? credential->before : "";
    size_t room = strlen(credential->header) + strlen(before) + credential->secret->n + 3;
    void *line;
    if (strlen(credential->secret->value) != credential->secret->n) {
        return hg_error_set(err, HG_EINVAL, "the credential cannot be sent: it has a NUL in it");
    }
    int r = hg_secret_alloc(room, &line, err);
    if (r < 0) {
        return r;
    }
    exchange->secret_line = line;
    (void)snprintf(line, room, "%s: %s%s", credential->header, before, credential->secret->value);
    return add_line(exchange, line, "the credential", err);
}

static int add_headers(struct hg_net_exchange *exchange, bool with_credential, struct hg_error *err)
{
    const char *const *lines = exchange->request->headers;
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && lines && lines[i]; i++) {
        r = add_line(exchange, (char *)(uintptr_t)lines[i], "a header of the request", err);
    }
    /* libcurl would wait a second for a 100 before it sends a larger body. */
    r = r < 0 ? r : add_line(exchange, (char *)(uintptr_t) "Expect:", "Expect", err);
    return r < 0 || !with_credential ? r : add_credential(exchange, err);
}

static CURLcode set_connection(struct hg_net_exchange *exchange,
                               const struct hg_net_options *options)
{
    CURL *easy = exchange->easy;
    const char *schemes = exchange->request->plain ? "http,https" : "https";
    CURLcode code = CURLE_OK;
#define SET(option, value) code = code ? code : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PROTOCOLS_STR, schemes);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* the guard would see the proxy's address */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(CURLOPT_OPENSOCKETDATA, exchange);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, exchange);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_S);
    SET(CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_USERAGENT, options->user_agent ? options->user_agent : "headgate");
    if (options->ca_file) {
        SET(CURLOPT_CAINFO, options->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    return code;
}

static CURLcode set_request(struct hg_net_exchange *exchange, bool with_body, int64_t timeout_ms)
{
    CURL *easy = exchange->easy;
    const struct hg_net_request *request = exchange->request;
    const char *method = request->method ? request->method : "GET";
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, exchange->url);
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(CURLOPT_HTTPHEADER, exchange->headers);
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, exchange);
    SET(CURLOPT_PRIVATE, exchange);
    if (with_body && request->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->n_body);
        SET(CURLOPT_POSTFIELDS, request->body);
    } else if (with_body && strcmp(method, "POST") == 0) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        SET(CURLOPT_POSTFIELDS, "");
    }
    if (!with_body) {
        SET(CURLOPT_HTTPGET, 1L);
    } else if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else {
        SET(CURLOPT_CUSTOMREQUEST, method);
    }
#undef SET
    return code;
}

int hg_net_exchange_open(struct hg_net_exchange *exchange,
                         const struct hg_net_options *options,
                         bool with_body,
                         bool with_credential,
                         int64_t timeout_ms,
                         struct hg_error *err)
{
    struct hg_net_response *response = exchange->response;
    hg_buf_reset(&response->body);
    json_decref(response->headers);
    response->headers = json_object();
    exchange->easy = curl_easy_init();
    if (!exchange->easy || !response->headers) {
        return hg_error_nomem(err);
    }
    int r = add_headers(exchange, with_credential, err);
    if (r < 0) {
        return r;
    }
    CURLcode code = set_connection(exchange, options);
    code = code ? code : set_request(exchange, with_body, timeout_ms);
    if (code == CURLE_OUT_OF_MEMORY) {
        return hg_error_nomem(err);
    }
    return code == CURLE_OK
               ? HG_OK
               : hg_error_set(
                     err, HG_EINTERNAL, "libcurl refuses a setting: %s", curl_easy_strerror(code));
}

void hg_net_exchange_close(struct hg_net_exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    exchange->easy = NULL;
    while (exchange->headers) {
        struct curl_slist *next = exchange->headers->next;
        free(exchange->headers);
        exchange->headers = next;
    }
    hg_secret_release(exchange->secret_line);
    exchange->secret_line = NULL;
}

/* ---- the end ---- */

/* What of libcurl's codes is what of ours; others are HG_EIO. */
static const struct {
    CURLcode code;
    int is;
    bool retryable;
    const char *text;
} ends[] = {
    {CURLE_COULDNT_RESOLVE_HOST, HG_EUNAVAILABLE, true, "its name has no address"},
    {CURLE_COULDNT_CONNECT, HG_EUNAVAILABLE, true, "it does not take connections"},
    {CURLE_SSL_CONNECT_ERROR, HG_EUNAVAILABLE, true, "TLS could not be agreed on"},
    {CURLE_PEER_FAILED_VERIFICATION, HG_EUNAVAILABLE, false, "its certificate is not valid"},
    {CURLE_SSL_CACERT_BADFILE, HG_EUNAVAILABLE, false, "the trusted certificates cannot be read"},
    {CURLE_RECV_ERROR, HG_EUNAVAILABLE, true, "the connection broke off"},
    {CURLE_SEND_ERROR, HG_EUNAVAILABLE, true, "the connection broke off"},
    {CURLE_GOT_NOTHING, HG_EUNAVAILABLE, true, "it hung up without an answer"},
    {CURLE_PARTIAL_FILE, HG_EUNAVAILABLE, true, "it hung up within its answer"},
    {CURLE_HTTP2, HG_EUNAVAILABLE, true, "the connection broke off"},
    {CURLE_HTTP2_STREAM, HG_EUNAVAILABLE, true, "the connection broke off"},
    {CURLE_WEIRD_SERVER_REPLY, HG_EDATA, false, "its answer is no HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, HG_EDATA, false, "its answer is no HTTP"},
    {CURLE_BAD_CONTENT_ENCODING, HG_EDATA, false, "its answer cannot be unpacked"},
    {CURLE_OUT_OF_MEMORY, HG_ENOMEM, false, "out of memory"},
};

static void keep_times(struct hg_net_exchange *exchange)
{
    static const struct {
        CURLINFO info;
        size_t at;
    } infos[] = {
        {CURLINFO_NAMELOOKUP_TIME_T, offsetof(struct hg_net_times, resolved_us)},
        {CURLINFO_CONNECT_TIME_T, offsetof(struct hg_net_times, connected_us)},
        {CURLINFO_APPCONNECT_TIME_T, offsetof(struct hg_net_times, secured_us)},
        {CURLINFO_STARTTRANSFER_TIME_T, offsetof(struct hg_net_times, first_byte_us)},
        {CURLINFO_TOTAL_TIME_T, offsetof(struct hg_net_times, total_us)},
    };
    for (size_t i = 0; i < HG_COUNT(infos); i++) {
        curl_off_t us = 0;
        (void)curl_easy_getinfo(exchange->easy, infos[i].info, &us);
        int64_t time_us = us;
        memcpy((char *)&exchange->response->times + infos[i].at, &time_us, sizeof time_us);
    }
}

static void keep_answer(struct hg_net_exchange *exchange)
{
    struct hg_net_response *response = exchange->response;
    long status = 0;
    curl_off_t wait_s = 0;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &wait_s);
    response->status = (int)status;
    response->retry_after_ms = wait_s > 0 ? wait_s * 1000 : -1;
    (void)snprintf(response->origin, sizeof response->origin, "%s", exchange->origin);
}

/* How far it had come when its time was up. libcurl counts TLS as a part of connecting. */
static const char *phase_of(const struct hg_net_exchange *exchange)
{
    const struct hg_net_times *times = &exchange->response->times;
    bool is_tls = strncmp(exchange->origin, "https:", 6) == 0;
    if (times->resolved_us == 0) {
        return "while its name was looked up";
    }
    if (times->connected_us == 0 || (is_tls && times->secured_us == 0)) {
        return is_tls ? "while it was connected to and TLS was agreed on"
                      : "while it was connected to";
    }
    return times->first_byte_us == 0 ? "before it answered" : "within its answer";
}

static int say_refused(const struct hg_net_exchange *exchange, struct hg_error *err)
{
    (void)hg_error_set(
        err, HG_EFORBIDDEN, "%s is not called: its address is not public", exchange->origin);
    return hg_error_hint(err,
                         "If it is meant, the operator adds the address to outbound.allow_private "
                         "in headgate.yaml.");
}

static int say_end(const struct hg_net_exchange *exchange, struct hg_error *err)
{
    for (size_t i = 0; i < HG_COUNT(ends); i++) {
        if (ends[i].code == exchange->code) {
            (void)hg_error_set(err, ends[i].is, "%s: %s", exchange->origin, ends[i].text);
            if (err) {
                err->retryable = ends[i].retryable;
            }
            return ends[i].is;
        }
    }
    return hg_error_set(
        err, HG_EIO, "%s: %s", exchange->origin, curl_easy_strerror(exchange->code));
}

int hg_net_exchange_result(struct hg_net_exchange *exchange, struct hg_error *err)
{
    keep_times(exchange);
    if (exchange->code == CURLE_OK) {
        keep_answer(exchange);
        return HG_OK;
    }
    if (atomic_load(&exchange->cancelled)) {
        return hg_error_set(err, HG_ECANCELLED, "%s: cancelled", exchange->origin);
    }
    if (exchange->is_out_of_memory) {
        return hg_error_nomem(err);
    }
    if (exchange->is_too_big) {
        return hg_error_set(
            err, HG_ETOOBIG, "%s: its answer is larger than allowed", exchange->origin);
    }
    if (exchange->is_refused) {
        return say_refused(exchange, err);
    }
    if (exchange->code == CURLE_OPERATION_TIMEDOUT) {
        (void)hg_error_set(
            err, HG_ETIMEDOUT, "%s: the time was up %s", exchange->origin, phase_of(exchange));
        if (err) {
            err->retryable = 1;
        }
        return HG_ETIMEDOUT;
    }
    return say_end(exchange, err);
}
