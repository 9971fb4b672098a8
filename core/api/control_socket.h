/*
 * What both sides of the control socket share: where it is, and lines of JSON over it.
 */
#ifndef HG_API_CONTROL_SOCKET_H
#define HG_API_CONTROL_SOCKET_H

#include <sys/socket.h>
#include <sys/un.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    HG_CONTROL_LINE_MAX = 4 << 20, /* bytes */
};

/*
 * The address of <data_dir>/control.sock. A socket's path may have 107 bytes, a data folder more:
 * then the path goes through *ret_folder_fd, a descriptor of the folder which has to stay open
 * while the address is used (-1 otherwise); owned by the caller.
 */
int hg_control_address(const char *data_dir,
                       struct sockaddr_un *ret_address,
                       int *ret_folder_fd,
                       struct hg_error *err);
/* Connects to the host's socket. HG_ENOTFOUND when no host listens there. */
int hg_control_connect(const char *data_dir, int *ret_fd, struct hg_error *err);

/* Sends one line; HG_EUNAVAILABLE when the other side is gone. Takes `json` over. */
int hg_control_send(int fd, json_t *json, struct hg_error *err);
/*
 * Receives one line; `rest` keeps what came behind it. HG_EUNAVAILABLE when the other side is gone
 * before a whole line, HG_EDATA when the line is no JSON object. *ret is owned by the caller.
 */
int hg_control_receive(int fd, struct hg_buf *rest, json_t **ret, struct hg_error *err);

#endif
