#include "api/control_client.h"

#include <stdio.h>
#include <sys/socket.h>

#include "api/control_rotation.h"
#include "api/control_socket.h"
#include "base/mem.h"

bool hg_control_is_running(const char *data_dir)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    return hg_control_connect(data_dir, &fd, NULL) == HG_OK;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The host's failure becomes ours. */
static int take_error(const json_t *error, struct hg_error *err)
{
    int code = (int)json_integer_value(json_object_get(error, "code"));
    code = code < 0 ? code : HG_EINTERNAL;
    (void)hg_error_set(err, code, "%s", text_of(error, "message"));
    if (*text_of(error, "hint")) {
        (void)hg_error_hint(err, "%s", text_of(error, "hint"));
    }
    (void)hg_error_at(err, "%s", text_of(error, "pointer"));
    return code;
}

static int hint_maybe_made(int r, struct hg_error *err)
{
    (void)hg_error_hint(err, "It may have been made all the same: see the host's page.");
    return r;
}

/* Reads lines until the run has ended. */
static int follow(
    int fd, hg_control_progress *on_progress, void *arg, json_t **ret_run, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf rest = HG_BUF_INIT;
    bool is_made = false;
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *line = NULL;
        int r = hg_control_receive(fd, &rest, &line, err);
        if (r < 0) {
            (void)hg_error_wrap(err, "while waiting for the run");
            return is_made ? r : hint_maybe_made(r, err);
        }
        const json_t *error = json_object_get(line, "error");
        json_t *run = json_object_get(line, "run");
        if (error) {
            return take_error(error, err);
        }
        is_made = is_made || run;
        if (on_progress && run) {
            on_progress(arg, run);
        }
        if (run && json_is_true(json_object_get(line, "ended"))) {
            *ret_run = json_incref(run);
            return HG_OK;
        }
    }
}

/* A file that was put there since the host last read them is the likely reason. */
static void hint_reload(int fd, struct hg_error *err)
{
    struct ucred host = {0};
    socklen_t n = sizeof host;
    if (err->hint[0] == '\0' && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &host, &n) == 0) {
        (void)hg_error_hint(err,
                            "The running host has the pipeline files as it read them last: "
                            "`kill -HUP %d` makes it read them again.",
                            (int)host.pid);
    }
}

int hg_control_run_pipeline(const char *data_dir,
                            const char *pipeline,
                            const json_t *params,
                            hg_control_progress *on_progress,
                            void *arg,
                            json_t **ret_run,
                            struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    int r = hg_control_connect(data_dir, &fd, err);
    if (r < 0) {
        return r;
    }
    json_t *call = json_pack("{s:s, s:s, s:O?}",
                             "call",
                             "run",
                             "pipeline",
                             pipeline,
                             "params",
                             (json_t *)(uintptr_t)params);
    r = hg_control_send(fd, call, err);
    r = r < 0 ? r : follow(fd, on_progress, arg, ret_run, err);
    if (r == HG_ENOTFOUND && err) {
        hint_reload(fd, err);
    }
    return r;
}

int hg_control_pause(const char *data_dir, bool paused, const char *pipeline, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    HG_CLEANUP(hg_buf_free) struct hg_buf rest = HG_BUF_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *line = NULL;
    int r = hg_control_connect(data_dir, &fd, err);
    r = r < 0 ? r
              : hg_control_send(
                    fd,
                    json_pack(
                        "{s:s, s:s?}", "call", paused ? "pause" : "resume", "pipeline", pipeline),
                    err);
    r = r < 0 ? r : hg_control_receive(fd, &rest, &line, err);
    if (r < 0) {
        return r;
    }
    const json_t *error = json_object_get(line, "error");
    r = error ? take_error(error, err) : HG_OK;
    if (r == HG_ENOTFOUND && err) {
        hint_reload(fd, err);
    }
    return r;
}

int hg_control_channel_names(const char *data_dir, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    HG_CLEANUP(hg_buf_free) struct hg_buf rest = HG_BUF_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *line = NULL;
    int r = hg_control_connect(data_dir, &fd, err);
    r = r < 0 ? r : hg_control_send(fd, json_pack("{s:s}", "call", "channels"), err);
    r = r < 0 ? r : hg_control_receive(fd, &rest, &line, err);
    if (r < 0) {
        return r;
    }
    const json_t *error = json_object_get(line, "error");
    json_t *names = json_object_get(line, "channels");
    if (error) {
        return take_error(error, err);
    }
    if (!json_is_object(names)) {
        return hg_error_set(err, HG_EDATA, "the host did not name its alert channels");
    }
    *ret = json_incref(names);
    return HG_OK;
}

static int follow_rotation(int fd,
                           hg_rotation_progress *on_progress,
                           void *arg,
                           struct hg_rotation *ret,
                           struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf rest = HG_BUF_INIT;
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *line = NULL;
        struct hg_rotation rotation;
        int r = hg_control_receive(fd, &rest, &line, err);
        if (r < 0) {
            (void)hg_error_wrap(err, "while the key is rotated");
            (void)hg_error_hint(err, "Run it again: it goes on with what is left.");
            return r;
        }
        const json_t *error = json_object_get(line, "error");
        if (error) {
            return take_error(error, err);
        }
        hg_control_rotation_read(json_object_get(line, "rotation"), &rotation);
        if (json_is_true(json_object_get(line, "ended"))) {
            *ret = rotation;
            return HG_OK;
        }
        if (on_progress) {
            on_progress(arg, &rotation);
        }
    }
}

int hg_control_rotate_key(const char *data_dir,
                          bool only_prepare,
                          hg_rotation_progress *on_progress,
                          void *arg,
                          struct hg_rotation *ret,
                          struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    int r = hg_control_connect(data_dir, &fd, err);
    r = r < 0
            ? r
            : hg_control_send(
                  fd, json_pack("{s:s, s:b}", "call", "rotate_key", "prepare", only_prepare), err);
    return r < 0 ? r : follow_rotation(fd, on_progress, arg, ret, err);
}
