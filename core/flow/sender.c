#include "flow/sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/parse.h"
#include "flow/encode.h"

enum {
    N_BUFFERS = 3,
    BUFFER_BYTES = 256 * 1024,
    MESSAGE_BYTES = 64 * 1024 /* libpq holds one message at a time */
};

struct buffer {
    uint8_t *data;
    size_t room;
    size_t len;
};

struct hg_sender {
    struct hg_db *db;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below but `filling` and the buffer it names */
    pthread_cond_t changed;
    struct buffer buffers[N_BUFFERS];
    unsigned n_filled; /* buffers handed over so far; number i lies in buffers[i % N_BUFFERS] */
    unsigned n_sent;
    bool ending;      /* no buffer will follow */
    bool failed;      /* the server or the connection gave up, or there was no memory */
    unsigned filling; /* number of the buffer that the encoding thread fills */
};

/*
 * The server says early when it cannot go on, but libpq looks for it only at the end of the COPY.
 * A first byte 'E' that waits on the socket is that message.
 */
static bool server_gave_up(PGconn *conn)
{
    char first = 0;
    if (PQsslInUse(conn)) {
        return false;
    }
    ssize_t n = recv(PQsocket(conn), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n == 1 && first == 'E');
}

static bool send_buffer(PGconn *conn, const struct buffer *buffer)
{
    for (size_t at = 0; at < buffer->len; at += MESSAGE_BYTES) {
        size_t n = buffer->len - at < MESSAGE_BYTES ? buffer->len - at : MESSAGE_BYTES;
        if (PQputCopyData(conn, (const char *)buffer->data + at, (int)n) != 1) {
            return false;
        }
    }
    return !server_gave_up(conn);
}

/* The number of the next buffer to send, or false at the end. */
static bool next_filled(struct hg_sender *sender, unsigned *ret)
{
    HG_LOCK(&sender->mutex);
    while (sender->n_sent == sender->n_filled && !sender->ending && !sender->failed) {
        (void)pthread_cond_wait(&sender->changed, &sender->mutex);
    }
    *ret = sender->n_sent;
    return sender->n_sent != sender->n_filled && !sender->failed;
}

static void *send_all(void *arg)
{
    struct hg_sender *sender = arg;
    PGconn *conn = hg_db_conn(sender->db);
    unsigned number;
    while (next_filled(sender, &number)) {
        bool sent = send_buffer(conn, &sender->buffers[number % N_BUFFERS]);
        HG_LOCK(&sender->mutex);
        sender->n_sent++;
        sender->failed |= !sent;
        (void)pthread_cond_signal(&sender->changed);
    }
    return NULL;
}

static void free_sender(struct hg_sender *sender)
{
    for (int i = 0; i < N_BUFFERS; i++) {
        free(sender->buffers[i].data);
    }
    (void)pthread_cond_destroy(&sender->changed);
    (void)pthread_mutex_destroy(&sender->mutex);
    free(sender);
}

static int make_buffers(struct hg_sender *sender, struct hg_error *err)
{
    for (int i = 0; i < N_BUFFERS; i++) {
        sender->buffers[i].data = malloc(BUFFER_BYTES);
        sender->buffers[i].room = BUFFER_BYTES;
        if (!sender->buffers[i].data) {
            return hg_error_nomem(err);
        }
    }
    memcpy(sender->buffers[0].data, hg_copy_header, sizeof hg_copy_header);
    sender->buffers[0].len = sizeof hg_copy_header;
    return HG_OK;
}

/* hg_db_simple takes COPY for a failure or not as it likes; here only COPY_IN will do. */
static int begin_copy(struct hg_db *db, const char *copy_sql, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = PQexec(hg_db_conn(db), copy_sql);
    if (PQresultStatus(result) != PGRES_COPY_IN) {
        return hg_db_error(hg_db_conn(db), result, err);
    }
    return HG_OK;
}

int hg_sender_start(struct hg_db *db,
                    const char *copy_sql,
                    struct hg_sender **ret,
                    struct hg_error *err)
{
    struct hg_sender *sender = calloc(1, sizeof *sender);
    if (!sender) {
        return hg_error_nomem(err);
    }
    sender->db = db;
    (void)pthread_mutex_init(&sender->mutex, NULL);
    (void)pthread_cond_init(&sender->changed, NULL);
    int r = make_buffers(sender, err);
    r = r < 0 ? r : begin_copy(db, copy_sql, err);
    if (r == HG_OK) {
        int failed = pthread_create(&sender->thread, NULL, send_all, sender);
        if (failed) {
            r = hg_error_errno(err, failed, "cannot start the thread that sends rows");
            (void)PQputCopyEnd(hg_db_conn(db), "no thread");
            PQclear(PQgetResult(hg_db_conn(db)));
        }
    }
    if (r < 0) {
        free_sender(sender);
        return r;
    }
    *ret = sender;
    return HG_OK;
}

/* Hands the buffer over and waits for an empty one; false when sending has failed. */
static bool hand_over(struct hg_sender *sender)
{
    HG_LOCK(&sender->mutex);
    sender->n_filled++;
    sender->filling = sender->n_filled;
    (void)pthread_cond_signal(&sender->changed);
    while (sender->n_filled - sender->n_sent >= N_BUFFERS && !sender->failed) {
        (void)pthread_cond_wait(&sender->changed, &sender->mutex);
    }
    return !sender->failed;
}

/* Makes the empty buffer `n` bytes big: bigger for a huge row, and back to normal after it. */
static bool fit(struct hg_sender *sender, struct buffer *buffer, size_t n)
{
    size_t room = n > BUFFER_BYTES ? n : BUFFER_BYTES;
    if (buffer->room == room || (buffer->room >= room && buffer->room <= 2 * room)) {
        return true;
    }
    uint8_t *data = malloc(room);
    if (!data) {
        HG_LOCK(&sender->mutex);
        sender->failed = true;
        (void)pthread_cond_signal(&sender->changed);
        return false;
    }
    free(buffer->data);
    buffer->data = data;
    buffer->room = room;
    return true;
}

uint8_t *hg_sender_room(struct hg_sender *sender, size_t n)
{
    struct buffer *buffer = &sender->buffers[sender->filling % N_BUFFERS];
    if (buffer->len + n > buffer->room) {
        if (!hand_over(sender)) {
            return NULL;
        }
        buffer = &sender->buffers[sender->filling % N_BUFFERS];
        buffer->len = 0;
        if (!fit(sender, buffer, n)) {
            return NULL;
        }
    }
    return buffer->data + buffer->len;
}

void hg_sender_advance(struct hg_sender *sender, size_t n)
{
    sender->buffers[sender->filling % N_BUFFERS].len += n;
}

/* The thread has ended when this returns; true when all was sent. */
static bool stop_thread(struct hg_sender *sender, bool failed)
{
    {
        HG_LOCK(&sender->mutex);
        sender->n_filled += failed ? 0 : 1;
        sender->ending = true;
        sender->failed |= failed;
        (void)pthread_cond_signal(&sender->changed);
    }
    (void)pthread_join(sender->thread, NULL);
    return !sender->failed;
}

/* Takes all results up to the end of the COPY; the first that is no success decides. */
static int take_results(struct hg_sender *sender, int64_t *ret_rows, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(sender->db);
    int r = HG_OK;
    for (;;) {
        HG_CLEANUP(hg_resultp) PGresult *result = PQgetResult(conn);
        if (!result) {
            return r;
        }
        if (PQresultStatus(result) == PGRES_COPY_IN) {
            (void)PQputCopyEnd(conn, "ended early");
        } else if (PQresultStatus(result) != PGRES_COMMAND_OK && r == HG_OK) {
            r = hg_db_error(conn, result, err);
        } else if (r == HG_OK) {
            (void)hg_parse_int64(PQcmdTuples(result), 0, INT64_MAX, ret_rows, NULL);
        }
    }
}

int hg_sender_finish(struct hg_sender *sender, int64_t *ret_rows, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(sender->db);
    int64_t rows = 0;
    uint8_t *end = hg_sender_room(sender, sizeof hg_copy_trailer);
    if (end) {
        memcpy(end, hg_copy_trailer, sizeof hg_copy_trailer);
        hg_sender_advance(sender, sizeof hg_copy_trailer);
    }
    bool sent = stop_thread(sender, !end);
    int r = PQputCopyEnd(conn, sent ? NULL : "rows are missing") == 1
                ? HG_OK
                : hg_db_error(conn, NULL, err);
    r = r < 0 ? r : take_results(sender, &rows, err);
    if (r == HG_OK && !sent) {
        r = hg_error_nomem(err);
    }
    free_sender(sender);
    if (r == HG_OK) {
        *ret_rows = rows;
    }
    return r;
}

void hg_sender_abort(struct hg_sender *sender)
{
    int64_t rows;
    if (!sender) {
        return;
    }
    (void)stop_thread(sender, true);
    if (PQputCopyEnd(hg_db_conn(sender->db), "given up") == 1) {
        (void)take_results(sender, &rows, NULL);
    }
    free_sender(sender);
}
