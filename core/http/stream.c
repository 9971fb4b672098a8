#include "http/stream.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

enum {
    ROOM_BYTES = 256 * 1024,     /* made and not yet taken */
    BLOCK_BYTES = 16 * 1024,     /* passed on at once */
    LONGEST_MS = 60 * 60 * 1000, /* a client that takes a byte now and then holds a place */
    UNSURE_MS = 30 * 1000,       /* nobody could say whether he may still have it */
};

struct hg_streams {
    struct hg_http_server *server;
    int max;
    pthread_mutex_t mutex;
    pthread_cond_t gone;
    /* Guarded. */
    struct hg_http_stream *first;
    int n;
    bool cut; /* nothing new is taken */
};

struct hg_http_stream {
    struct hg_streams *all;
    const struct hg_http_maker *maker;
    void *arg;
    char request_id[HG_UUID_TEXT];
    struct MHD_Connection *connection;
    int fd;           /* the connection's */
    int64_t until_ms; /* monotonic, also below */
    /* The maker's thread's. */
    int64_t look_ms; /* when to ask again whether who asked may have it */
    int64_t sure_ms; /* when it was last known that he may */
    /* Guarded by that of all. */
    struct hg_http_stream *prev;
    struct hg_http_stream *next;

    pthread_mutex_t mutex;
    pthread_cond_t moved; /* bytes were taken, or nobody takes any more */
    /* Guarded. */
    int refs;
    char *bytes;
    size_t at; /* [at, end) is there */
    size_t end;
    size_t n_sent;
    bool is_started;
    bool is_suspended; /* the connection waits; who sets this to false resumes it */
    bool is_cut;       /* nobody takes more */
    bool is_made;      /* nothing more comes; */
    bool is_broken;    /* and that is not the end */
};

/* ---- life ---- */

static void link_stream(struct hg_streams *all, struct hg_http_stream *stream)
{
    stream->next = all->first;
    if (stream->next) {
        stream->next->prev = stream;
    }
    all->first = stream;
}

/* (all's mutex held) */
static void unlink_stream(struct hg_streams *all, struct hg_http_stream *stream)
{
    if (stream->prev) {
        stream->prev->next = stream->next;
    } else {
        all->first = stream->next;
    }
    if (stream->next) {
        stream->next->prev = stream->prev;
    }
}

/* Its place is free only once all of it is: whoever waits for that may then free what it used. */
static void give_place(struct hg_streams *all)
{
    HG_LOCK(&all->mutex);
    all->n--;
    (void)pthread_cond_broadcast(&all->gone);
}

static void stream_free(struct hg_http_stream *stream)
{
    stream->maker->free(stream->arg);
    (void)pthread_cond_destroy(&stream->moved);
    (void)pthread_mutex_destroy(&stream->mutex);
    free(stream->bytes);
    free(stream);
}

/* Counts the new one; false when there are as many as there may be. */
static bool take_place(struct hg_streams *all, struct hg_http_stream *stream)
{
    HG_LOCK(&all->mutex);
    if (all->cut || all->n >= all->max) {
        return false;
    }
    all->n++;
    link_stream(all, stream);
    return true;
}

static struct hg_http_stream *stream_new(struct hg_streams *all,
                                         const struct hg_http_maker *maker,
                                         void *arg)
{
    struct hg_http_stream *stream = calloc(1, sizeof *stream);
    char *bytes = malloc(ROOM_BYTES);
    if (!stream || !bytes) {
        free(bytes);
        free(stream);
        return NULL;
    }
    *stream =
        (struct hg_http_stream){.all = all, .maker = maker, .arg = arg, .bytes = bytes, .refs = 1};
    stream->sure_ms = hg_time_monotonic_ms(); /* or it would not have come here */
    stream->look_ms = stream->sure_ms + all->server->options.stream_look_ms;
    stream->until_ms = stream->sure_ms + LONGEST_MS;
    (void)pthread_mutex_init(&stream->mutex, NULL);
    (void)pthread_cond_init(&stream->moved, NULL);
    return stream;
}

int hg_http_answer_stream(struct hg_http_request *request,
                          const char *content_type,
                          const struct hg_http_maker *maker,
                          void *arg,
                          struct hg_error *err)
{
    if (request->is_http_1_0) {
        maker->free(arg);
        request->problem_status = 505;
        (void)hg_error_set(err, HG_ENOTSUP, "a long answer cannot be sent by HTTP/1.0");
        return hg_error_hint(err, "A proxy in between has to speak 1.1 (proxy_http_version 1.1;).");
    }
    struct hg_http_stream *stream = stream_new(request->streams, maker, arg);
    if (!stream) {
        maker->free(arg);
        return hg_error_nomem(err);
    }
    (void)snprintf(stream->request_id, sizeof stream->request_id, "%s", request->id);
    if (!take_place(request->streams, stream)) {
        int max = request->streams->max;
        stream_free(stream);
        (void)hg_error_set(err, HG_EUNAVAILABLE, "%d long answers are being sent already", max);
        return hg_error_hint(err, "Try again when one of them has ended.");
    }
    request->answer.status = 200;
    request->answer.content_type = content_type;
    request->answer.stream = stream;
    return HG_OK;
}

void hg_stream_ref(struct hg_http_stream *stream)
{
    HG_LOCK(&stream->mutex);
    stream->refs++;
}

void hg_stream_unref(struct hg_http_stream *stream)
{
    if (!stream) {
        return;
    }
    {
        HG_LOCK(&stream->mutex);
        if (--stream->refs > 0) {
            return;
        }
    }
    struct hg_streams *all = stream->all;
    {
        HG_LOCK(&all->mutex); /* while this is held nobody finds it in the list */
        unlink_stream(all, stream);
    }
    stream_free(stream);
    give_place(all);
}

size_t hg_stream_sent(struct hg_http_stream *stream)
{
    HG_LOCK(&stream->mutex);
    return stream->n_sent;
}

/* ---- suspending ---- */

static void count_parked(struct hg_http_server *server, int n)
{
    HG_LOCK(&server->mutex);
    server->n_parked += n;
    (void)pthread_cond_broadcast(&server->ended);
}

/* For who set is_suspended to false; not with a mutex held. */
static void resume(struct hg_http_stream *stream)
{
    MHD_resume_connection(stream->connection);
    count_parked(stream->all->server, -1);
}

/* (stream's mutex held) */
static bool was_suspended(struct hg_http_stream *stream)
{
    bool was = stream->is_suspended;
    stream->is_suspended = false;
    return was;
}

/* Gives whether its connection is to be resumed. */
static bool cut(struct hg_http_stream *stream)
{
    HG_LOCK(&stream->mutex);
    stream->is_cut = true;
    (void)pthread_cond_signal(&stream->moved);
    return was_suspended(stream);
}

/* ---- who may have it ---- */

static void log_cut(const struct hg_http_stream *stream, const struct hg_error *err)
{
    hg_log(HG_LOG_WARNING,
           "a long answer was cut",
           "request_id",
           stream->request_id,
           "code",
           hg_code_name(err->code),
           "error",
           err->message,
           NULL);
}

/* False when it was cut. */
static bool look_for_rights(struct hg_http_stream *stream)
{
    struct hg_error err = HG_ERROR_INIT;
    if (!stream->maker->may || hg_time_monotonic_ms() < stream->look_ms) {
        return true;
    }
    int r = stream->maker->may(stream->arg, &err);
    int64_t now_ms = hg_time_monotonic_ms();
    stream->look_ms = now_ms + stream->all->server->options.stream_look_ms;
    if (r == HG_OK) {
        stream->sure_ms = now_ms;
        return true;
    }
    bool is_said = r == HG_EUNAUTHENTICATED || r == HG_EFORBIDDEN;
    if (!is_said && now_ms < stream->sure_ms + UNSURE_MS) {
        return true;
    }
    log_cut(stream, &err);
    if (cut(stream)) {
        resume(stream);
    }
    return false;
}

/* ---- making ---- */

/* Takes as much as there is room for; 0 when nobody takes any more. */
static size_t put(struct hg_http_stream *stream, const char *bytes, size_t n, bool *ret_wake)
{
    HG_LOCK(&stream->mutex);
    while (!stream->is_cut && stream->at == 0 && stream->end == ROOM_BYTES) {
        (void)pthread_cond_wait(&stream->moved, &stream->mutex);
    }
    if (stream->is_cut) {
        return 0;
    }
    if (stream->at > 0) {
        memmove(stream->bytes, stream->bytes + stream->at, stream->end - stream->at);
        stream->end -= stream->at;
        stream->at = 0;
    }
    n = n < ROOM_BYTES - stream->end ? n : ROOM_BYTES - stream->end;
    memcpy(stream->bytes + stream->end, bytes, n);
    stream->end += n;
    *ret_wake = was_suspended(stream);
    return n;
}

int hg_http_stream_write(struct hg_http_stream *stream,
                         const void *bytes,
                         size_t n,
                         struct hg_error *err)
{
    const char *at = bytes;
    while (n > 0) {
        bool wake = false;
        if (hg_time_monotonic_ms() > stream->until_ms) {
            return hg_error_set(err, HG_ETIMEDOUT, "the client took longer than an hour");
        }
        size_t taken = look_for_rights(stream) ? put(stream, at, n, &wake) : 0;
        if (taken == 0) {
            return hg_error_set(err, HG_ECANCELLED, "the client does not take the answer");
        }
        if (wake) {
            resume(stream);
        }
        at += taken;
        n -= taken;
    }
    return HG_OK;
}

/* libmicrohttpd does not look at a connection that is suspended, nor does it close it. */
static bool has_left(const struct hg_http_stream *stream)
{
    struct pollfd peer = {.fd = stream->fd, .events = POLLRDHUP};
    return poll(&peer, 1, 0) > 0;
}

/* Gives whether the connection is to be resumed, so that it is closed. */
static bool look_for_client(struct hg_http_stream *stream)
{
    HG_LOCK(&stream->mutex);
    if (!stream->is_suspended || !has_left(stream)) {
        return false;
    }
    stream->is_cut = true;
    return was_suspended(stream);
}

static bool is_wanted(struct hg_http_stream *stream)
{
    HG_LOCK(&stream->mutex);
    return !stream->is_cut && hg_time_monotonic_ms() <= stream->until_ms;
}

bool hg_http_stream_is_wanted(struct hg_http_stream *stream)
{
    if (look_for_client(stream)) {
        resume(stream);
    }
    return is_wanted(stream) && look_for_rights(stream);
}

/* Gives whether the connection is to be resumed. */
static bool note_made(struct hg_http_stream *stream, bool is_broken)
{
    HG_LOCK(&stream->mutex);
    stream->is_made = true;
    stream->is_broken = is_broken;
    return was_suspended(stream);
}

static void *make(void *arg)
{
    struct hg_http_stream *stream = arg;
    struct hg_error err = HG_ERROR_INIT;
    int r = stream->maker->make(stream->arg, stream, &err);
    if (r < 0 && r != HG_ECANCELLED) {
        log_cut(stream, &err);
    }
    if (note_made(stream, r < 0)) {
        resume(stream);
    }
    hg_stream_unref(stream);
    return NULL;
}

/* ---- passing on, on the HTTP thread ---- */

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1; /* which poll leaves alone */
}

/* (stream's mutex held) */
static bool start(struct hg_http_stream *stream)
{
    pthread_attr_t detached;
    pthread_t thread;
    stream->is_started = true;
    stream->fd = fd_of(stream->connection); /* which may have gone before it was asked for more */
    stream->refs++;                         /* the thread's */
    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &detached, make, stream) == 0;
    (void)pthread_attr_destroy(&detached);
    stream->refs -= !ok;
    return ok;
}

/* (stream's mutex held) */
static ssize_t pass_on(struct hg_http_stream *stream, char *ret, size_t max)
{
    size_t n = stream->end - stream->at < max ? stream->end - stream->at : max;
    memcpy(ret, stream->bytes + stream->at, n);
    stream->at += n;
    stream->n_sent += n;
    if (stream->at == stream->end) {
        stream->at = stream->end = 0;
    }
    (void)pthread_cond_signal(&stream->moved);
    return (ssize_t)n;
}

static ssize_t on_wanted(void *cls, uint64_t position, char *ret, size_t max)
{
    struct hg_http_stream *stream = cls;
    (void)position;
    HG_LOCK(&stream->mutex);
    if (stream->is_cut || (!stream->is_started && !start(stream))) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (stream->end > stream->at) {
        return pass_on(stream, ret, max);
    }
    if (stream->is_made) {
        return stream->is_broken ? MHD_CONTENT_READER_END_WITH_ERROR
                                 : MHD_CONTENT_READER_END_OF_STREAM;
    }
    /* With the mutex held, so that nobody resumes it before it is suspended. */
    count_parked(stream->all->server, 1);
    stream->is_suspended = true;
    MHD_suspend_connection(stream->connection);
    return 0;
}

static void on_free(void *cls)
{
    struct hg_http_stream *stream = cls;
    {
        HG_LOCK(&stream->mutex);
        stream->is_cut = true;
        (void)pthread_cond_signal(&stream->moved);
    }
    hg_stream_unref(stream);
}

struct MHD_Response *hg_stream_response(struct hg_http_stream *stream,
                                        struct MHD_Connection *connection)
{
    hg_stream_ref(stream);
    stream->connection = connection;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_wanted, stream, on_free);
    if (!response) {
        hg_stream_unref(stream);
    }
    return response;
}

/* ---- all ---- */

int hg_streams_new(struct hg_http_server *server,
                   int max,
                   struct hg_streams **ret,
                   struct hg_error *err)
{
    struct hg_streams *streams = calloc(1, sizeof *streams);
    if (!streams) {
        return hg_error_nomem(err);
    }
    streams->server = server;
    streams->max = max;
    (void)pthread_mutex_init(&streams->mutex, NULL);
    (void)pthread_cond_init(&streams->gone, NULL);
    *ret = streams;
    return HG_OK;
}

void hg_streams_cut(struct hg_streams *streams)
{
    if (!streams) {
        return;
    }
    HG_LOCK(&streams->mutex);
    streams->cut = true;
    for (struct hg_http_stream *stream = streams->first; stream; stream = stream->next) {
        if (cut(stream)) {
            resume(stream);
        }
    }
}

void hg_streams_free(struct hg_streams *streams)
{
    if (!streams) {
        return;
    }
    {
        HG_LOCK(&streams->mutex);
        while (streams->n > 0) {
            (void)pthread_cond_wait(&streams->gone, &streams->mutex);
        }
    }
    (void)pthread_cond_destroy(&streams->gone);
    (void)pthread_mutex_destroy(&streams->mutex);
    free(streams);
}
