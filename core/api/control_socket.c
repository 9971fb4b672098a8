#include "api/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"

int hg_control_address(const char *data_dir,
                       struct sockaddr_un *ret_address,
                       int *ret_folder_fd,
                       struct hg_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t room = sizeof address.sun_path;
    HG_CLEANUP(hg_closep) int folder = -1;
    int n = snprintf(address.sun_path, room, "%s/control.sock", data_dir);
    if (n < 0 || (size_t)n >= room) {
        folder = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) {
            return hg_error_errno(err, errno, "cannot open the data folder \"%s\"", data_dir);
        }
        (void)snprintf(address.sun_path, room, "/proc/self/fd/%d/control.sock", folder);
    }
    *ret_address = address;
    *ret_folder_fd = folder;
    folder = -1;
    return HG_OK;
}

int hg_control_connect(const char *data_dir, int *ret_fd, struct hg_error *err)
{
    struct sockaddr_un address;
    HG_CLEANUP(hg_closep) int folder = -1;
    int r = hg_control_address(data_dir, &address, &folder, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot make a socket");
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int why = errno;
        (void)hg_error_errno(err, why, "cannot reach the host of \"%s\"", data_dir);
        if (why != ENOENT && why != ECONNREFUSED) {
            return err ? err->code : HG_EIO;
        }
        return hg_error_set(err, HG_ENOTFOUND, "no host runs on the data folder \"%s\"", data_dir);
    }
    *ret_fd = fd;
    fd = -1;
    return HG_OK;
}

static int send_all(int fd, const char *bytes, size_t n, struct hg_error *err)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            (void)hg_error_errno(err, errno, "the other side of the control socket is gone");
            if (err) {
                err->code = HG_EUNAVAILABLE;
            }
            return HG_EUNAVAILABLE;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
    return HG_OK;
}

int hg_control_send(int fd, json_t *json, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf line = HG_BUF_INIT;
    json_decref(json);
    if (text) {
        hg_buf_puts(&line, text);
        hg_buf_putc(&line, '\n');
    }
    if (!text || hg_buf_failed(&line)) {
        return hg_error_nomem(err);
    }
    return send_all(fd, line.data, line.len, err);
}

/* Takes the first line out of `rest`, which holds one. */
static int take_line(struct hg_buf *rest, json_t **ret, struct hg_error *err)
{
    json_error_t why;
    const char *end = memchr(rest->data, '\n', rest->len);
    size_t n = (size_t)(end - rest->data);
    json_t *json = hg_json_read(rest->data, n, JSON_REJECT_DUPLICATES, &why);
    memmove(rest->data, rest->data + n + 1, rest->len - n);
    rest->len -= n + 1;
    if (!json || !json_is_object(json)) {
        json_decref(json);
        return hg_error_set(err, HG_EDATA, "the control socket's line is no JSON object");
    }
    *ret = json;
    return HG_OK;
}

static int read_more(int fd, struct hg_buf *rest, struct hg_error *err)
{
    enum { CHUNK = 16384 };
    if (rest->len > HG_CONTROL_LINE_MAX) {
        return hg_error_set(err, HG_ETOOBIG, "the control socket's line is too long");
    }
    if (!hg_buf_reserve(rest, CHUNK)) {
        return hg_error_nomem(err);
    }
    ssize_t n;
    do {
        n = recv(fd, rest->data + rest->len, CHUNK, 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return hg_error_set(err, HG_EUNAVAILABLE, "the other side of the control socket is gone");
    }
    rest->len += (size_t)n;
    rest->data[rest->len] = '\0';
    return HG_OK;
}

int hg_control_receive(int fd, struct hg_buf *rest, json_t **ret, struct hg_error *err)
{
    while (rest->len == 0 || !memchr(rest->data, '\n', rest->len)) {
        int r = read_more(fd, rest, err);
        if (r < 0) {
            return r;
        }
    }
    return take_line(rest, ret, err);
}
