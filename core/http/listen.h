/*
 * A listening TCP socket.
 */
#ifndef HG_HTTP_LISTEN_H
#define HG_HTTP_LISTEN_H

#include "base/error.h"

/*
 * Listens on a name or address and a port (0: any free one). *ret_fd is close-on-exec and owned by
 * the caller. HG_ECONFLICT when the address is taken, HG_EINVAL when the host cannot be resolved.
 */
int hg_listen(const char *host, int port, int *ret_fd, int *ret_port, struct hg_error *err);

#endif
