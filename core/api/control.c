#include "api/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/alerts.h"
#include "api/control_rotation.h"
#include "api/control_socket.h"
#include "auth/principal.h"
#include "base/mem.h"
#include "base/patience.h"
#include "base/uuid.h"
#include "pipeline/service.h"

enum {
    CLIENTS_MAX = 32,
    DATABASE_AWAY_MS = 60000, /* as long is waited for it while a run is followed */
    WAIT_MS = 500,            /* how soon a stop or a lost client is noticed */
    IO_TIMEOUT_S = 10,
};

struct hg_control {
    struct hg_pipelines *service;
    struct hg_alerts *alerts;
    struct hg_vault *vault;
    struct sockaddr_un address;
    int folder_fd;
    int listen_fd;
    pthread_t acceptor;
    bool has_acceptor;
    pthread_mutex_t mutex;
    pthread_cond_t client_left;
    /* Guarded. */
    int clients[CLIENTS_MAX]; /* descriptors, -1 for none */
    int n_clients;
    bool stopping;
};

struct client {
    struct hg_control *control;
    int fd;
    struct hg_principal by; /* who has called */
};

/* ---- a client ---- */

static bool is_stopping(struct hg_control *control)
{
    HG_LOCK(&control->mutex);
    return control->stopping;
}

static bool has_ended(const json_t *run)
{
    static const char *const ends[] = {"succeeded", "failed", "cancelled", "skipped"};
    const char *status = json_string_value(json_object_get(run, "status"));
    for (size_t i = 0; status && i < HG_COUNT(ends); i++) {
        if (strcmp(status, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int send_error(int fd, const struct hg_error *error)
{
    return hg_control_send(fd,
                           json_pack("{s:{s:i, s:s, s:s, s:s}}",
                                     "error",
                                     "code",
                                     error->code,
                                     "message",
                                     error->message,
                                     "hint",
                                     error->hint,
                                     "pointer",
                                     error->pointer),
                           NULL);
}

/*
 * Sends the run whenever it has changed, until it ends, the client leaves or the host stops. A
 * database that is started again meanwhile is waited for.
 */
static int follow(struct client *client, const char *run_id, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *last = NULL;
    struct hg_patience patience = {.limit_ms = DATABASE_AWAY_MS};
    bool ended = false;
    while (!ended) {
        json_t *run = NULL;
        /* First at once, so that the client knows the run by its id should we go away. */
        int r = hg_runs_wait(client->control->service, run_id, last ? WAIT_MS : 0, &run, err);
        if (hg_patience_lasts(&patience, r, err) && !is_stopping(client->control)) {
            continue;
        }
        if (r < 0) {
            return r;
        }
        ended = has_ended(run);
        bool changed = !last || !json_equal(run, last);
        json_decref(last);
        last = run;
        if (changed || ended) {
            r = hg_control_send(
                client->fd, json_pack("{s:O, s:b}", "run", run, "ended", ended), err);
        }
        if (r < 0) {
            return r;
        }
        if (!ended && is_stopping(client->control)) {
            (void)hg_error_set(
                err, HG_EUNAVAILABLE, "the host stops before run %s has ended", run_id);
            return hg_error_hint(
                err,
                "It may still end before the host has stopped; else it goes on when "
                "the host is started again.");
        }
    }
    return HG_OK;
}

static int run_pipeline(struct client *client, const json_t *request, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *triggered = NULL;
    char busy[HG_UUID_TEXT] = "";
    const char *pipeline = json_string_value(json_object_get(request, "pipeline"));
    const json_t *params = json_object_get(request, "params");
    if (!pipeline) {
        return hg_error_set(err, HG_EINVAL, "the call names no pipeline");
    }
    /* Its client would wait for as long as the pause lasts. */
    int r = hg_pipelines_check_not_paused(client->control->service, err);
    r = r < 0 ? r
              : hg_pipelines_trigger(client->control->service,
                                     &client->by,
                                     pipeline,
                                     json_is_null(params) ? NULL : params,
                                     &triggered,
                                     busy,
                                     err);
    if (r < 0) {
        return r;
    }
    const char *run_id = json_string_value(json_object_get(triggered, "run_id"));
    return run_id ? follow(client, run_id, err)
                  : hg_error_set(err, HG_EINTERNAL, "the run that was made has no id");
}

static int pause_or_resume(struct client *client,
                           const json_t *request,
                           bool paused,
                           struct hg_error *err)
{
    struct hg_pipelines *service = client->control->service;
    const char *id = json_string_value(json_object_get(request, "pipeline"));
    int r = id ? hg_pipelines_pause_one(service, &client->by, id, paused, err)
               : hg_pipelines_pause(service, &client->by, paused, err);
    return r < 0 ? r : hg_control_send(client->fd, json_pack("{s:b}", "done", 1), err);
}

static int pause_all(struct client *client, const json_t *request, struct hg_error *err)
{
    return pause_or_resume(client, request, true, err);
}

static int resume_all(struct client *client, const json_t *request, struct hg_error *err)
{
    return pause_or_resume(client, request, false, err);
}

static int send_rotation(int fd, const struct hg_rotation *rotation, bool ended)
{
    return hg_control_send(
        fd,
        json_pack("{s:o, s:b}", "rotation", hg_control_rotation_json(rotation), "ended", ended),
        NULL);
}

/* A client that has left misses it. */
static void on_rotation(void *arg, const struct hg_rotation *rotation)
{
    const struct client *client = arg;
    (void)send_rotation(client->fd, rotation, false);
}

static int rotate_key(struct client *client, const json_t *request, struct hg_error *err)
{
    struct hg_rotation rotation = {0};
    const struct hg_rotation_options options = {
        .only_prepare = json_is_true(json_object_get(request, "prepare")),
        .by = &client->by,
        .on_progress = on_rotation,
        .arg = client,
    };
    if (!client->control->vault) {
        return hg_error_set(err, HG_ENOTSUP, "this host has no vault");
    }
    int r = hg_vault_rotate(client->control->vault, &options, &rotation, err);
    return r < 0 ? r : send_rotation(client->fd, &rotation, true);
}

static int channel_names(struct client *client, const json_t *request, struct hg_error *err)
{
    json_t *names = NULL;
    (void)request;
    int r = hg_channel_names(client->control->alerts, &names, err);
    return r < 0 ? r : hg_control_send(client->fd, json_pack("{s:o}", "channels", names), err);
}

static const struct {
    const char *name;
    int (*serve)(struct client *client, const json_t *request, struct hg_error *err);
} calls[] = {
    {"run", run_pipeline},
    {"pause", pause_all},
    {"resume", resume_all},
    {"rotate_key", rotate_key},
    {"channels", channel_names},
};

/* The host's own user, or root; *ret says which. */
static int check_peer(int fd, struct hg_principal *ret, struct hg_error *err)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0) {
        return hg_error_errno(err, errno, "cannot tell who calls");
    }
    if (peer.uid != 0 && peer.uid != geteuid()) {
        (void)hg_error_set(err, HG_EFORBIDDEN, "the host belongs to another user");
        return hg_error_hint(err, "Run this as the host's user or as root.");
    }
    *ret = hg_principal_local(peer.uid);
    return HG_OK;
}

static int serve(struct client *client, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf rest = HG_BUF_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *request = NULL;
    int r = check_peer(client->fd, &client->by, err);
    r = r < 0 ? r : hg_control_receive(client->fd, &rest, &request, err);
    if (r < 0) {
        return r;
    }
    const char *call = json_string_value(json_object_get(request, "call"));
    for (size_t i = 0; call && i < HG_COUNT(calls); i++) {
        if (strcmp(call, calls[i].name) == 0) {
            return calls[i].serve(client, request, err);
        }
    }
    return hg_error_set(err, HG_EINVAL, "the host does not know this call");
}

static void leave(struct client *client)
{
    struct hg_control *control = client->control;
    HG_LOCK(&control->mutex);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (control->clients[i] == client->fd) {
            control->clients[i] = -1;
            break;
        }
    }
    (void)close(client->fd);
    control->n_clients--;
    (void)pthread_cond_signal(&control->client_left);
}

static void *client_main(void *arg)
{
    struct client *client = arg;
    struct hg_error err = HG_ERROR_INIT;
    if (serve(client, &err) < 0) {
        /* The client's to report; when it has gone, nobody is left to tell. */
        (void)send_error(client->fd, &err);
    }
    leave(client);
    free(client);
    return NULL;
}

/* ---- listening ---- */

/* A place in the list, or false when the host stops or has too many. */
static bool enter(struct hg_control *control, int fd)
{
    HG_LOCK(&control->mutex);
    for (size_t i = 0; i < CLIENTS_MAX && !control->stopping; i++) {
        if (control->clients[i] < 0) {
            control->clients[i] = fd;
            control->n_clients++;
            return true;
        }
    }
    return false;
}

static void set_timeouts(int fd)
{
    const struct timeval limit = {.tv_sec = IO_TIMEOUT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static void start_client(struct hg_control *control, int fd)
{
    pthread_t thread;
    pthread_attr_t detached;
    struct client *client = malloc(sizeof *client);
    if (!client || !enter(control, fd)) {
        free(client);
        (void)close(fd);
        return;
    }
    *client = (struct client){.control = control, .fd = fd};
    set_timeouts(fd);
    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, client_main, client) != 0) {
        leave(client);
        free(client);
    }
    (void)pthread_attr_destroy(&detached);
}

static void *acceptor_main(void *arg)
{
    struct hg_control *control = arg;
    while (!is_stopping(control)) {
        int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            start_client(control, fd);
        } else if ((errno == EMFILE || errno == ENFILE || errno == ENOMEM) &&
                   !is_stopping(control)) {
            /* Passes once something is closed. */
            (void)poll(NULL, 0, WAIT_MS);
        }
    }
    return NULL;
}

static int bind_socket(struct hg_control *control, const char *data_dir, struct hg_error *err)
{
    if (hg_control_is_running(data_dir)) {
        (void)hg_error_set(err, HG_EEXIST, "another host runs on the data folder \"%s\"", data_dir);
        return hg_error_hint(err, "Stop it first, or set data_dir to another folder.");
    }
    /* What a host that was killed left behind. */
    (void)unlink(control->address.sun_path);
    control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (control->listen_fd < 0 ||
        bind(control->listen_fd,
             (const struct sockaddr *)&control->address,
             sizeof control->address) < 0 ||
        chmod(control->address.sun_path, 0600) < 0 || listen(control->listen_fd, CLIENTS_MAX) < 0) {
        return hg_error_errno(err, errno, "cannot listen on \"%s/control.sock\"", data_dir);
    }
    return HG_OK;
}

static int start_acceptor(struct hg_control *control, struct hg_error *err)
{
    int r = pthread_create(&control->acceptor, NULL, acceptor_main, control);
    if (r != 0) {
        return hg_error_errno(err, r, "cannot start the thread of the control socket");
    }
    control->has_acceptor = true;
    return HG_OK;
}

int hg_control_start(const char *data_dir,
                     struct hg_pipelines *service,
                     struct hg_alerts *alerts,
                     struct hg_vault *vault,
                     struct hg_control **ret,
                     struct hg_error *err)
{
    struct hg_control *control = calloc(1, sizeof *control);
    if (!control) {
        return hg_error_nomem(err);
    }
    control->service = service;
    control->alerts = alerts;
    control->vault = vault;
    control->listen_fd = control->folder_fd = -1;
    memset(control->clients, 0xff, sizeof control->clients);
    (void)pthread_mutex_init(&control->mutex, NULL);
    (void)pthread_cond_init(&control->client_left, NULL);
    int r = hg_control_address(data_dir, &control->address, &control->folder_fd, err);
    r = r < 0 ? r : bind_socket(control, data_dir, err);
    r = r < 0 ? r : start_acceptor(control, err);
    if (r < 0) {
        hg_control_stop(control);
        return r;
    }
    *ret = control;
    return HG_OK;
}

static void wait_for_clients(struct hg_control *control)
{
    HG_LOCK(&control->mutex);
    while (control->n_clients > 0) {
        (void)pthread_cond_wait(&control->client_left, &control->mutex);
    }
}

static void ask_to_stop(struct hg_control *control)
{
    HG_LOCK(&control->mutex);
    control->stopping = true;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (control->clients[i] >= 0) {
            /* Ends a wait for the client's call; what is to be told still goes out. */
            (void)shutdown(control->clients[i], SHUT_RD);
        }
    }
}

void hg_control_stop(struct hg_control *control)
{
    if (!control) {
        return;
    }
    ask_to_stop(control);
    if (control->has_acceptor) {
        (void)shutdown(control->listen_fd, SHUT_RDWR);
        (void)pthread_join(control->acceptor, NULL);
        (void)unlink(control->address.sun_path);
    }
    wait_for_clients(control);
    hg_closep(&control->listen_fd);
    hg_closep(&control->folder_fd);
    (void)pthread_cond_destroy(&control->client_left);
    (void)pthread_mutex_destroy(&control->mutex);
    free(control);
}
