/*
 * The server's certificate, from PEM files, which can be read again while it serves: whoever renews
 * a certificate sends SIGHUP.
 */
#ifndef HG_HTTP_TLS_H
#define HG_HTTP_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/mem.h"
#include "headgate/plugin.h"

struct hg_tls;

/*
 * `certificate` holds the server's and those between it and the root, in this order; `key` its key,
 * not encrypted. HG_ENOTFOUND, HG_EFORBIDDEN or HG_EIO for a file that cannot be read, HG_EDATA for
 * one that is no PEM, HG_ECONFLICT when the two do not belong together, HG_EEXIST for a second one
 * in this process. Owned by the caller.
 */
int hg_tls_new(const char *certificate, const char *key, struct hg_tls **ret, struct hg_error *err);
/* No connection may use it any more. NULL is fine. */
void hg_tls_free(struct hg_tls *tls);
HG_DEFINE_CLEANUP(hg_tls_freep, struct hg_tls *, hg_tls_free)

/*
 * Reads the files again, for connections from now on; after a failure those before stay. [any]
 * thread.
 */
int hg_tls_reload(struct hg_tls *tls, struct hg_error *err);

/*
 * Gives GnuTLS the certificate of the one hg_tls of this process: its callback gets nothing by
 * which to tell servers apart. Chain and key stay valid until hg_tls_free.
 */
gnutls_certificate_retrieve_function2 hg_tls_retrieve;

#endif
