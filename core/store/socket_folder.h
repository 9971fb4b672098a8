/*
 * A folder for the cluster's socket: nobody else may enter it, and its path is short, since that of
 * a socket may have 107 bytes.
 */
#ifndef HG_STORE_SOCKET_FOLDER_H
#define HG_STORE_SOCKET_FOLDER_H

#include "base/error.h"
#include "store/postmaster.h"

/*
 * Makes, or takes up, a 0700 folder of ours for the cluster in `data`: below /run/headgate-<uid>
 * where that is there or can be made, else in `tmp` (NULL: /tmp). When its usual name is taken by
 * somebody else, another one is used.
 */
int hg_socket_folder_make(const char *data,
                          const char *tmp,
                          char ret[HG_SOCKET_FOLDER_BYTES],
                          struct hg_error *err);

/* HG_EFORBIDDEN when `path` is a link, not ours, or open to others; HG_ENOTFOUND. */
int hg_socket_folder_check(const char *path, struct hg_error *err);

#endif
