/*
 * Mail, handed to the one mail server that the operator's file names. No guard stands before it:
 * its address is not a user's word. Its certificate is always verified.
 */
#ifndef HG_NET_SMTP_H
#define HG_NET_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "headgate/plugin.h"

enum hg_smtp_tls {
    HG_SMTP_STARTTLS = 0, /* asked for, and nothing is sent without it */
    HG_SMTP_IMPLICIT,     /* from the first byte */
    HG_SMTP_NONE,
};

/* All borrowed. */
struct hg_smtp_server {
    const char *host;
    int port;
    enum hg_smtp_tls tls;
    const char *username; /* NULL: does not sign in; never without TLS */
    const char *password;
    const char *ca_file; /* certificates to trust instead of the system's; NULL: those */
};

/* All borrowed until hg_smtp_send returns. Addresses are such that hg_mail_is_address (base/mail.h)
 * takes. */
struct hg_smtp_mail {
    const char *from;
    const char *const *to; /* ended by NULL */
    const char *text;      /* headers and body, with CRLF at the ends of lines */
    size_t n_text;
    int64_t timeout_ms;
    bool (*is_cancelled)(void *arg); /* asked about once a second; or NULL */
    void *arg;
};

/*
 * Waits until the server has taken it for all or refused it: then nobody gets it. *ret_status is
 * the server's last answer (250, 550, ...; 0: there was none), also after a failure. [any] thread,
 * behind the first hg_net_client_new.
 *
 * HG_EUNAVAILABLE      no connection, it broke off, TLS or the certificate failed, 4xx (retryable)
 * HG_ETIMEDOUT         (retryable)
 * HG_EUNAUTHENTICATED  it does not take user name and password
 * HG_EINVAL            5xx: it will not take this
 * HG_ECANCELLED        by `is_cancelled`
 */
int hg_smtp_send(const struct hg_smtp_server *server,
                 const struct hg_smtp_mail *mail,
                 int *ret_status,
                 struct hg_error *err);

#endif
