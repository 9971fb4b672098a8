#include "worker/worker_main.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/time.h"
#include "flow/flow.h"
#include "flow/session.h"
#include "worker/blame.h"
#include "worker/frame.h"

/* What the reading thread and the working thread share. */
struct worker {
    int fd;
    struct hg_blame *blame;
    pthread_mutex_t mutex; /* guards what follows, and is never held while a task runs */
    pthread_cond_t changed;
    json_t *next; /* the message of type "task" that waits, or NULL */
    bool stop;
    pthread_mutex_t send_mutex; /* one frame at a time on fd; taken alone */
    char task_id[64];           /* of the running task; written between tasks under mutex */
    _Atomic bool cancelled;
    struct hg_flow_session session; /* of the working thread */
};

/* Takes `message` over. */
static int send_message(struct worker *worker, json_t *message)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *owned = message;
    if (!owned) {
        return HG_ENOMEM;
    }
    HG_LOCK(&worker->send_mutex);
    int r = hg_frame_send(worker->fd, owned, &err);
    if (r < 0 && r != HG_ENOMEM && r != HG_ETOOBIG) {
        /* The host is gone; the reading thread sees the end of the socket and stops us. */
        atomic_store(&worker->cancelled, true);
    }
    return r;
}

static void sink_log(void *arg, const char *job, int level, const char *message)
{
    struct worker *worker = arg;
    (void)send_message(worker,
                       json_pack("{s:s, s:s, s:s, s:i, s:I, s:o}",
                                 "type",
                                 "log",
                                 "task_id",
                                 worker->task_id,
                                 "job",
                                 job,
                                 "level",
                                 level,
                                 "at_us",
                                 (json_int_t)hg_time_now_us(),
                                 "message",
                                 hg_json_text(message)));
}

static void sink_progress(
    void *arg, const char *job, int64_t rows_in, int64_t rows_out, int64_t rows_rejected)
{
    struct worker *worker = arg;
    (void)send_message(worker,
                       json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}",
                                 "type",
                                 "progress",
                                 "task_id",
                                 worker->task_id,
                                 "job",
                                 job,
                                 "rows_in",
                                 (json_int_t)rows_in,
                                 "rows_out",
                                 (json_int_t)rows_out,
                                 "rows_rejected",
                                 (json_int_t)rows_rejected));
}

static bool sink_is_cancelled(void *arg)
{
    struct worker *worker = arg;
    return atomic_load(&worker->cancelled);
}

static void sink_calling(void *arg, const char *job, const char *plugin_id)
{
    struct worker *worker = arg;
    hg_blame_set(worker->blame, job, plugin_id);
}

static json_t *error_to_json(const struct hg_error *err)
{
    return json_pack("{s:i, s:b, s:I, s:i, s:s, s:s, s:o, s:o}",
                     "code",
                     err->code,
                     "retryable",
                     err->retryable,
                     "retry_after_ms",
                     (json_int_t)err->retry_after_ms,
                     "http_status",
                     err->http_status,
                     "sqlstate",
                     err->sqlstate,
                     "pointer",
                     err->pointer,
                     "message",
                     hg_json_text(err->message),
                     "hint",
                     hg_json_text(err->hint));
}

/* Takes `result` over. */
static int send_done(struct worker *worker,
                     const char *task_id,
                     json_t *result,
                     const struct hg_error *err)
{
    return send_message(worker,
                        json_pack("{s:s, s:s, s:b, s:o?, s:o?}",
                                  "type",
                                  "done",
                                  "task_id",
                                  task_id,
                                  "ok",
                                  !err,
                                  "result",
                                  result,
                                  "error",
                                  err ? error_to_json(err) : NULL));
}

static void run_task(struct worker *worker, const json_t *message)
{
    const struct hg_flow_sink sink = {
        .arg = worker,
        .log = sink_log,
        .progress = sink_progress,
        .is_cancelled = sink_is_cancelled,
        .calling = sink_calling,
    };
    struct hg_error err = HG_ERROR_INIT;
    const char *task_id = json_string_value(json_object_get(message, "task_id"));
    json_t *result = NULL;
    HG_FAULT("worker.begins");
    int r = hg_flow_run(json_object_get(message, "task"), &sink, &worker->session, &result, &err);
    hg_blame_set(worker->blame, NULL, NULL);
    {
        HG_LOCK(&worker->mutex);
        worker->task_id[0] = '\0';
    }
    HG_FAULT("worker.reports");
    r = send_done(worker, task_id, result, r == HG_OK ? NULL : &err);
    HG_FAULT("worker.reported");
    if (r == HG_ETOOBIG) {
        (void)hg_error_set(&err, r, "the report of the task is too long to be taken");
        r = send_done(worker, task_id, NULL, &err);
    }
    if (r == HG_ENOMEM) {
        _exit(1); /* an end that cannot be told is told by ours */
    }
    hg_flow_session_scrub(&worker->session);
}

/* True while the message was understood. A task is handed over: threads share no JSON. */
static bool take_message(struct worker *worker, json_t **message)
{
    const char *type = json_string_value(json_object_get(*message, "type"));
    const char *task_id = json_string_value(json_object_get(*message, "task_id"));
    HG_LOCK(&worker->mutex);
    if (type && strcmp(type, "task") == 0 && task_id && !worker->next) {
        atomic_store(&worker->cancelled, false);
        (void)snprintf(worker->task_id, sizeof worker->task_id, "%s", task_id);
        worker->next = HG_TAKE(*message);
    } else if (type && strcmp(type, "cancel") == 0) {
        if (task_id && strcmp(task_id, worker->task_id) == 0) {
            atomic_store(&worker->cancelled, true);
        }
    } else if (type && strcmp(type, "stop") == 0) {
        worker->stop = true;
    } else {
        return false;
    }
    (void)pthread_cond_signal(&worker->changed);
    return true;
}

/*
 * Until there is something to read. Every second a sign of life goes out, so that a process that is
 * frozen (SIGSTOP, a hung disk) is told from one that works.
 */
static void wait_for_message(struct worker *worker)
{
    struct pollfd fd = {worker->fd, POLLIN, 0};
    while (poll(&fd, 1, HG_WORKER_ALIVE_MS) == 0) {
        (void)send_message(worker, json_pack("{s:s}", "type", "alive"));
    }
}

static void *read_messages(void *arg)
{
    struct worker *worker = arg;
    struct hg_error err = HG_ERROR_INIT;
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *message = NULL;
        wait_for_message(worker);
        if (hg_frame_receive(worker->fd, &message, &err) < 0 || !take_message(worker, &message)) {
            break;
        }
    }
    /* No host, no purpose: whatever runs is rolled back by its server when our sockets close. */
    _exit(0);
}

static json_t *next_task(struct worker *worker)
{
    HG_LOCK(&worker->mutex);
    while (!worker->next && !worker->stop) {
        (void)pthread_cond_wait(&worker->changed, &worker->mutex);
    }
    return HG_TAKE(worker->next);
}

static int limit_memory(int64_t bytes, struct hg_error *err)
{
#ifdef HG_SANITIZED
    (void)bytes; /* a sanitizer's shadow takes terabytes of address space */
    (void)err;
#else
    struct rlimit limit = {(rlim_t)bytes, (rlim_t)bytes};
    if (bytes > 0 && setrlimit(RLIMIT_DATA, &limit) < 0) {
        return hg_error_errno(err, errno, "cannot limit the worker's memory");
    }
#endif
    return HG_OK;
}

static int start(struct worker *worker, int64_t memory_limit_bytes, struct hg_error *err)
{
    /* When the host dies the kernel ends us; the socket's end is the second way to notice. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core); /* cores would hold rows and connection strings */
    int r = limit_memory(memory_limit_bytes, err);
    if (r < 0) {
        return r;
    }
    r = hg_blame_open(HG_WORKER_BLAME_FD, &worker->blame, err);
    if (r < 0) {
        return r;
    }
    pthread_t reader;
    int e = pthread_create(&reader, NULL, read_messages, worker);
    if (e != 0) {
        return hg_error_errno(err, e, "cannot start the worker's reading thread");
    }
    (void)pthread_detach(reader);
    return HG_OK;
}

int hg_worker_main(int64_t memory_limit_bytes)
{
    static struct worker worker = {
        .fd = HG_WORKER_SOCKET_FD,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .send_mutex = PTHREAD_MUTEX_INITIALIZER,
    };
    struct hg_error err = HG_ERROR_INIT;
    if (hg_secret_no_dumps(&err) < 0 || start(&worker, memory_limit_bytes, &err) < 0) {
        hg_log_error("worker cannot start", &err);
        return 1;
    }
    (void)send_message(&worker, json_pack("{s:s}", "type", "ready"));
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *message = next_task(&worker);
        if (!message) {
            return 0;
        }
        run_task(&worker, message);
    }
}
