#include "net/smtp.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/error.h"
#include "base/mem.h"

enum { CONNECT_MS = 5000 };

HG_DEFINE_CLEANUP(easy_cleanupp, CURL *, curl_easy_cleanup)
HG_DEFINE_CLEANUP(slist_freep, struct curl_slist *, curl_slist_free_all)

/* ---- what libcurl calls ---- */

struct reading {
    const char *text;
    size_t n;
};

static size_t on_read(char *to, size_t one, size_t n, void *arg)
{
    struct reading *reading = arg;
    size_t room = one * n;
    size_t taken = reading->n < room ? reading->n : room;
    memcpy(to, reading->text, taken);
    reading->text += taken;
    reading->n -= taken;
    return taken;
}

/* What the server says is looked at by its status alone. */
static size_t on_answer(char *bytes, size_t one, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return one * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct hg_smtp_mail *mail = arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return mail->is_cancelled && mail->is_cancelled(mail->arg);
}

/* ---- the request ---- */

/* Sets an option unless one before failed. */
#define SET(option, value) code = code ? code : curl_easy_setopt(easy, option, value)

static CURLcode set_server(CURL *easy, const struct hg_smtp_server *server)
{
    CURLcode code = CURLE_OK;
    char url[512];
    bool v6 = strchr(server->host, ':') != NULL;
    (void)snprintf(url,
                   sizeof url,
                   "%s://%s%s%s:%d",
                   server->tls == HG_SMTP_IMPLICIT ? "smtps" : "smtp",
                   v6 ? "[" : "",
                   server->host,
                   v6 ? "]" : "",
                   server->port);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_USE_SSL, (long)(server->tls == HG_SMTP_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (server->ca_file) {
        SET(CURLOPT_CAINFO, server->ca_file);
    }
    if (server->username) {
        SET(CURLOPT_USERNAME, server->username);
        SET(CURLOPT_PASSWORD, server->password);
    }
    return code;
}

static CURLcode set_mail(CURL *easy,
                         const struct hg_smtp_mail *mail,
                         struct curl_slist *to,
                         struct reading *reading)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(CURLOPT_TIMEOUT_MS, (long)mail->timeout_ms);
    /* Else its end is waited for when the handle goes: for two minutes, whatever the times above.
     */
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)((mail->timeout_ms + 999) / 1000));
    SET(CURLOPT_MAIL_FROM, mail->from);
    SET(CURLOPT_MAIL_RCPT, to);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_READDATA, reading);
    SET(CURLOPT_WRITEFUNCTION, on_answer);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, (void *)(uintptr_t)mail);
    return code;
}
#undef SET

static int add_recipients(const struct hg_smtp_mail *mail,
                          struct curl_slist **ret,
                          struct hg_error *err)
{
    for (size_t i = 0; mail->to[i]; i++) {
        struct curl_slist *longer = curl_slist_append(*ret, mail->to[i]);
        if (!longer) {
            return hg_error_nomem(err);
        }
        *ret = longer;
    }
    return HG_OK;
}

/* ---- the end ---- */

static int retryable(struct hg_error *err, int code)
{
    if (err) {
        err->retryable = 1;
    }
    return code;
}

static int say_end(const struct hg_smtp_server *server,
                   CURLcode code,
                   int status,
                   struct hg_error *err)
{
    const char *host = server->host;
    int port = server->port;
    if (code == CURLE_OUT_OF_MEMORY) {
        return hg_error_nomem(err);
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return hg_error_set(err, HG_ECANCELLED, "the mail server %s:%d: cancelled", host, port);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        hg_error_set(err, HG_ETIMEDOUT, "the mail server %s:%d: the time was up", host, port);
        return retryable(err, HG_ETIMEDOUT);
    }
    if (code == CURLE_LOGIN_DENIED) {
        hg_error_set(err,
                     HG_EUNAUTHENTICATED,
                     "the mail server %s:%d does not take user name and password",
                     host,
                     port);
        return hg_error_hint(err, "See alerts.smtp in the host's file.");
    }
    if (code == CURLE_USE_SSL_FAILED) {
        hg_error_set(err, HG_EUNAVAILABLE, "the mail server %s:%d offers no STARTTLS", host, port);
        (void)hg_error_hint(err,
                            "alerts.smtp.tls may be implicit, or none within one's own walls.");
        return HG_EUNAVAILABLE;
    }
    if (status >= 500) {
        return hg_error_set(err,
                            HG_EINVAL,
                            "the mail server %s:%d answered %d: it will not take this",
                            host,
                            port,
                            status);
    }
    if (status >= 400) {
        hg_error_set(
            err, HG_EUNAVAILABLE, "the mail server %s:%d answered %d: not now", host, port, status);
        return retryable(err, HG_EUNAVAILABLE);
    }
    hg_error_set(
        err, HG_EUNAVAILABLE, "the mail server %s:%d: %s", host, port, curl_easy_strerror(code));
    return retryable(err, HG_EUNAVAILABLE);
}

int hg_smtp_send(const struct hg_smtp_server *server,
                 const struct hg_smtp_mail *mail,
                 int *ret_status,
                 struct hg_error *err)
{
    HG_CLEANUP(easy_cleanupp) CURL *easy = curl_easy_init();
    HG_CLEANUP(slist_freep) struct curl_slist *to = NULL;
    struct reading reading = {mail->text, mail->n_text};
    long status = 0;
    *ret_status = 0;
    if (!easy) {
        return hg_error_nomem(err);
    }
    int r = add_recipients(mail, &to, err);
    if (r < 0) {
        return r;
    }
    CURLcode code = set_server(easy, server);
    code = code ? code : set_mail(easy, mail, to, &reading);
    code = code ? code : curl_easy_perform(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (int)status;
    return code == CURLE_OK ? HG_OK : say_end(server, code, (int)status, err);
}
