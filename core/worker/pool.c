#include "worker/pool.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "worker/frame.h"
#include "worker/slot.h"

enum {
    STARTS_BEFORE_GIVING_UP = 3,
    READS_IN_A_ROW = 16, /* of 64 KiB; then the others' turn, however much a worker says */
};

/*
 * Locks: `mutex` guards everything in the pool. The supervisor holds it except while it polls and
 * while it calls an event (so that an event may submit, cancel or ask).
 */
struct hg_worker_pool {
    struct hg_worker_options options;
    struct hg_worker_events events;
    pthread_mutex_t mutex;
    pthread_t thread;
    int wake; /* eventfd */
    bool stopping;
    bool drained;         /* the thread has ended; of the one who stops */
    int64_t cancel_at_ms; /* monotonic; while stopping */
    size_t n_slots;
    struct hg_slot *slots;
    struct pollfd *fds; /* room for all that the supervisor polls */
};

static void wake(struct hg_worker_pool *pool)
{
    uint64_t one = 1;
    ssize_t n = write(pool->wake, &one, sizeof one);
    (void)n; /* a full counter has woken it already */
}

/* ---- messages of workers ---- */

static void error_from_json(const json_t *from, struct hg_error *ret)
{
    const char *message = json_string_value(json_object_get(from, "message"));
    const char *hint = json_string_value(json_object_get(from, "hint"));
    const char *pointer = json_string_value(json_object_get(from, "pointer"));
    const char *sqlstate = json_string_value(json_object_get(from, "sqlstate"));
    hg_error_set(ret,
                 (int)json_integer_value(json_object_get(from, "code")),
                 "%s",
                 message ? message : "the worker gave no reason");
    hg_error_hint(ret, "%s", hint ? hint : "");
    (void)snprintf(ret->pointer, sizeof ret->pointer, "%s", pointer ? pointer : "");
    (void)snprintf(ret->sqlstate, sizeof ret->sqlstate, "%s", sqlstate ? sqlstate : "");
    ret->retryable = json_is_true(json_object_get(from, "retryable"));
    ret->retry_after_ms = json_integer_value(json_object_get(from, "retry_after_ms"));
    ret->http_status = (int)json_integer_value(json_object_get(from, "http_status"));
}

/*
 * Takes the task off the slot and reports its end, with the mutex released meanwhile. `job` is the
 * one at fault when the worker died, or NULL.
 */
static void report_done(struct hg_worker_pool *pool,
                        struct hg_slot *slot,
                        const json_t *result,
                        const char *job,
                        const struct hg_error *error)
{
    HG_CLEANUP(hg_freep) char *task_id = HG_TAKE(slot->task_id);
    if (!task_id) {
        return;
    }
    hg_slot_clear_task(slot);
    (void)pthread_mutex_unlock(&pool->mutex);
    pool->events.done(pool->events.arg, task_id, result, job && job[0] ? job : NULL, error);
    pool->events.idle(pool->events.arg);
    (void)pthread_mutex_lock(&pool->mutex);
}

static void tell_idle(struct hg_worker_pool *pool)
{
    (void)pthread_mutex_unlock(&pool->mutex);
    pool->events.idle(pool->events.arg);
    (void)pthread_mutex_lock(&pool->mutex);
}

/* Ends the worker when it holds too much for its next task. */
static void note_growth(struct hg_worker_pool *pool, struct hg_slot *slot, bool ran_out)
{
    int64_t rss = hg_process_rss_bytes(&slot->process);
    slot->tasks_done++;
    if (slot->tasks_done == 1) {
        slot->first_rss_bytes = rss;
    }
    if (ran_out || slot->tasks_done >= pool->options.max_tasks ||
        rss - slot->first_rss_bytes > pool->options.max_growth_bytes) {
        hg_slot_retire(slot);
    }
}

/* What the host did or set is the reason, whatever followed from it in the worker. */
static void explain_failure(const struct hg_worker_pool *pool,
                            const struct hg_slot *slot,
                            struct hg_error *err)
{
    if (slot->cancelled && err->code != HG_EUNAVAILABLE) {
        err->code = HG_ECANCELLED;
    } else if (slot->timed_out) {
        hg_error_set(err,
                     HG_ETIMEDOUT,
                     "took longer than its timeout of %lld ms",
                     (long long)slot->timeout_ms);
        err->retryable = true;
    } else if (err->code == HG_ENOMEM && err->hint[0] == '\0' &&
               pool->options.memory_limit_bytes > 0) {
        hg_error_hint(err,
                      "A worker may use %lld MB of memory.",
                      (long long)(pool->options.memory_limit_bytes >> 20));
    }
}

static void on_done(struct hg_worker_pool *pool, struct hg_slot *slot, const json_t *message)
{
    struct hg_error err = HG_ERROR_INIT;
    bool ok = json_is_true(json_object_get(message, "ok"));
    if (!ok) {
        error_from_json(json_object_get(message, "error"), &err);
        explain_failure(pool, slot, &err);
    }
    slot->crashes_in_a_row = 0;
    note_growth(pool, slot, !ok && err.code == HG_ENOMEM);
    /* After a timeout the jobs say "cancelled", which is only how they were stopped. */
    const json_t *result = json_object_get(message, "result");
    const char *job = json_string_value(json_object_get(result, "at_work"));
    report_done(pool, slot, slot->timed_out && !ok ? NULL : result, job, ok ? NULL : &err);
}

static int64_t integer_of(const json_t *message, const char *key)
{
    return json_integer_value(json_object_get(message, key));
}

static void on_log(struct hg_worker_pool *pool, const char *task_id, const json_t *message)
{
    const char *job = json_string_value(json_object_get(message, "job"));
    const char *text = json_string_value(json_object_get(message, "message"));
    pool->events.log(pool->events.arg,
                     task_id,
                     job ? job : "",
                     (int)integer_of(message, "level"),
                     integer_of(message, "at_us"),
                     text ? text : "");
}

static void on_progress(struct hg_worker_pool *pool, const char *task_id, const json_t *message)
{
    const char *job = json_string_value(json_object_get(message, "job"));
    pool->events.progress(pool->events.arg,
                          task_id,
                          job ? job : "",
                          integer_of(message, "rows_in"),
                          integer_of(message, "rows_out"),
                          integer_of(message, "rows_rejected"));
}

static void on_message(struct hg_worker_pool *pool, struct hg_slot *slot, const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    if (!type) {
        return;
    }
    if (strcmp(type, "ready") == 0) {
        if (slot->state == HG_SLOT_STARTING) {
            slot->state = HG_SLOT_READY;
            hg_slot_send_task(slot);
            tell_idle(pool);
        }
        return;
    }
    const char *task_id = json_string_value(json_object_get(message, "task_id"));
    if (!task_id || !slot->task_id || strcmp(task_id, slot->task_id) != 0) {
        return;
    }
    if (strcmp(type, "done") == 0) {
        on_done(pool, slot, message);
        return;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    (strcmp(type, "log") == 0 ? on_log : on_progress)(pool, task_id, message);
    (void)pthread_mutex_lock(&pool->mutex);
}

/* False when the worker closed its end or talks nonsense. */
static bool read_messages(struct hg_worker_pool *pool, struct hg_slot *slot, int n_reads)
{
    struct hg_error err = HG_ERROR_INIT;
    char bytes[65536];
    for (int i = 0; i < n_reads; i++) {
        ssize_t n = recv(slot->process.socket, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return true;
        }
        if (n <= 0) {
            return false;
        }
        slot->heard_at_ms = hg_time_monotonic_ms();
        hg_buf_append(&slot->in, bytes, (size_t)n);
        for (;;) {
            HG_CLEANUP(hg_json_decrefp) json_t *message = NULL;
            if (hg_buf_failed(&slot->in) || hg_frame_take(&slot->in, &message, &err) < 0) {
                return false;
            }
            if (!message) {
                break;
            }
            on_message(pool, slot, message);
        }
    }
    return true;
}

/* ---- the supervisor's loop ---- */

static void on_end(struct hg_worker_pool *pool, struct hg_slot *slot)
{
    struct hg_error error = HG_ERROR_INIT;
    struct hg_blame_note note;
    /* What it said last may be the end of its task. */
    (void)read_messages(pool, slot, INT_MAX);
    bool was_sent = !hg_slot_has_unsent(slot);
    hg_slot_reap(slot, &pool->options, &note, &error);
    /* A task that was not sent yet waits for the next process, unless none comes up. */
    if (was_sent || slot->crashes_in_a_row >= STARTS_BEFORE_GIVING_UP) {
        report_done(pool, slot, NULL, note.job, &error);
    }
    tell_idle(pool);
}

static void start(struct hg_worker_pool *pool, struct hg_slot *slot)
{
    struct hg_error error = HG_ERROR_INIT;
    if (hg_slot_start(slot, &pool->options, &error) == HG_OK) {
        return;
    }
    hg_log_error("a worker cannot be started", &error);
    if (slot->crashes_in_a_row >= STARTS_BEFORE_GIVING_UP) {
        report_done(pool, slot, NULL, NULL, &error);
    }
}

/* A task that was not sent yet needs no worker to be cancelled. */
static void drop_unsent(struct hg_worker_pool *pool, struct hg_slot *slot)
{
    if (hg_slot_has_unsent(slot) && (slot->cancelled || pool->stopping)) {
        struct hg_error error = HG_ERROR_INIT;
        hg_error_set(&error, HG_ECANCELLED, "cancelled before it started");
        report_done(pool, slot, NULL, NULL, &error);
    }
}

static int64_t look_after(struct hg_worker_pool *pool)
{
    int64_t next = 0;
    int64_t now = hg_time_monotonic_ms();
    for (size_t i = 0; i < pool->n_slots; i++) {
        struct hg_slot *slot = &pool->slots[i];
        if (slot->state == HG_SLOT_DOWN && slot->restart_at_ms <= now && !pool->stopping &&
            hg_slot_wants_process(slot)) {
            start(pool, slot);
        }
        if (pool->stopping && slot->task_id && now >= pool->cancel_at_ms) {
            slot->cancelled = true;
            hg_slot_cancel(slot);
        }
        drop_unsent(pool, slot);
        if (pool->stopping && slot->state == HG_SLOT_DOWN) {
            continue; /* it is not started any more */
        }
        if (pool->stopping && slot->state == HG_SLOT_STARTING) {
            hg_process_kill(&slot->process, SIGKILL); /* has nothing to lose */
        }
        int64_t at = hg_slot_check(slot, &pool->options);
        next = next == 0 || (at != 0 && at < next) ? at : next;
    }
    if (pool->stopping && (next == 0 || pool->cancel_at_ms < next) && now < pool->cancel_at_ms) {
        next = pool->cancel_at_ms;
    }
    return next;
}

/* Fills `fds` (2 a slot and one) and returns how many. */
static nfds_t collect(const struct hg_worker_pool *pool, struct pollfd *fds)
{
    fds[0] = (struct pollfd){pool->wake, POLLIN, 0};
    for (size_t i = 0; i < pool->n_slots; i++) {
        const struct hg_slot *slot = &pool->slots[i];
        short write_too = slot->out.len > 0 ? POLLOUT : 0;
        fds[1 + 2 * i] = (struct pollfd){slot->process.socket, (short)(POLLIN | write_too), 0};
        fds[2 + 2 * i] = (struct pollfd){slot->process.pidfd, POLLIN, 0};
    }
    return (nfds_t)(1 + 2 * pool->n_slots);
}

static void serve(struct hg_worker_pool *pool, const struct pollfd *fds)
{
    if (fds[0].revents) {
        uint64_t count;
        ssize_t n = read(pool->wake, &count, sizeof count);
        (void)n;
    }
    for (size_t i = 0; i < pool->n_slots; i++) {
        struct hg_slot *slot = &pool->slots[i];
        bool alive = true;
        if (fds[1 + 2 * i].revents & (POLLIN | POLLHUP | POLLERR)) {
            alive = read_messages(pool, slot, READS_IN_A_ROW);
        }
        if (alive && (fds[1 + 2 * i].revents & POLLOUT)) {
            alive = hg_slot_flush(slot);
        }
        if (fds[2 + 2 * i].revents) {
            on_end(pool, slot);
        } else if (!alive) {
            /* A worker without a socket is of no use; its pidfd tells the end. */
            hg_process_kill(&slot->process, SIGKILL);
        }
    }
}

static bool has_stopped(const struct hg_worker_pool *pool)
{
    for (size_t i = 0; i < pool->n_slots; i++) {
        if (pool->slots[i].state != HG_SLOT_DOWN) {
            return false;
        }
    }
    return pool->stopping;
}

static void send_waiting(struct hg_worker_pool *pool)
{
    for (size_t i = 0; i < pool->n_slots; i++) {
        struct hg_slot *slot = &pool->slots[i];
        bool idle = slot->state == HG_SLOT_READY && !slot->task_id;
        hg_slot_send_task(slot);
        if (pool->stopping && idle) {
            hg_slot_retire(slot);
        }
    }
}

static int poll_timeout_ms(int64_t next)
{
    if (next == 0) {
        return -1;
    }
    int64_t wait = next - hg_time_monotonic_ms();
    return wait < 0 ? 0 : (int)(wait < 60000 ? wait : 60000);
}

static void *supervise(void *arg)
{
    struct hg_worker_pool *pool = arg;
    struct pollfd *fds = pool->fds;
    (void)pthread_mutex_lock(&pool->mutex);
    for (;;) {
        send_waiting(pool);
        int timeout = poll_timeout_ms(look_after(pool));
        if (has_stopped(pool)) {
            break;
        }
        nfds_t n = collect(pool, fds);
        (void)pthread_mutex_unlock(&pool->mutex);
        int ready = poll(fds, n, timeout);
        (void)pthread_mutex_lock(&pool->mutex);
        if (ready > 0) {
            serve(pool, fds);
        }
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* ---- what others call ---- */

static void pool_free(struct hg_worker_pool *pool)
{
    for (size_t i = 0; i < pool->n_slots; i++) {
        hg_slot_free(&pool->slots[i]);
    }
    free(pool->slots);
    free(pool->fds);
    hg_closep(&pool->wake);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

int hg_worker_pool_new(const struct hg_worker_options *options,
                       const struct hg_worker_events *events,
                       struct hg_worker_pool **ret,
                       struct hg_error *err)
{
    struct hg_worker_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        return hg_error_nomem(err);
    }
    pool->options = *options;
    pool->events = *events;
    (void)pthread_mutex_init(&pool->mutex, NULL);
    pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    size_t n_slots = (size_t)options->n_workers + (size_t)options->n_interactive;
    pool->slots = calloc(n_slots, sizeof *pool->slots);
    pool->fds = calloc(1 + 2 * n_slots, sizeof *pool->fds);
    pool->n_slots = pool->slots ? n_slots : 0;
    for (size_t i = 0; i < pool->n_slots; i++) {
        pool->slots[i].lane = i < (size_t)options->n_workers ? HG_LANE_RUNS : HG_LANE_INTERACTIVE;
        pool->slots[i].state = HG_SLOT_DOWN;
        pool->slots[i].process = (struct hg_process)HG_PROCESS_INIT;
    }
    int e = pool->slots && pool->fds && pool->wake >= 0 ? 0 : ENOMEM;
    if (e == 0) {
        HG_LOCK(&pool->mutex); /* an event may ask for the pool: it is there before the first */
        e = pthread_create(&pool->thread, NULL, supervise, pool);
        if (e == 0) {
            *ret = pool;
        }
    }
    if (e != 0) {
        pool_free(pool);
        return hg_error_errno(err, e, "cannot start the supervisor of workers");
    }
    return HG_OK;
}

int hg_worker_pool_free_slots(struct hg_worker_pool *pool)
{
    int n = 0;
    HG_LOCK(&pool->mutex);
    for (size_t i = 0; i < pool->n_slots && !pool->stopping; i++) {
        n += pool->slots[i].lane == HG_LANE_RUNS && hg_slot_is_free(&pool->slots[i]);
    }
    return n;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/*
 * The free slot that fits best: one that has opened just this third-party plugin, else one that
 * has opened none, else any, which then starts anew.
 */
static struct hg_slot *choose(struct hg_worker_pool *pool, enum hg_lane lane, const char *plugin)
{
    struct hg_slot *best = NULL;
    int best_rank = 0;
    for (size_t i = 0; i < pool->n_slots && !pool->stopping; i++) {
        struct hg_slot *slot = &pool->slots[i];
        if (slot->lane != lane || !hg_slot_is_free(slot)) {
            continue;
        }
        int rank = slot->isolated ? (same_text(slot->isolated, plugin) ? 4 : 1) : 2;
        rank += slot->state == HG_SLOT_READY && rank == 2;
        if (rank > best_rank) {
            best_rank = rank;
            best = slot;
        }
    }
    return best;
}

static int give(struct hg_slot *slot,
                const char *task_id,
                const json_t *task,
                const char *plugin,
                int64_t timeout_ms,
                struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp)
    json_t *message =
        json_pack("{s:s, s:s, s:O}", "type", "task", "task_id", task_id, "task", task);
    HG_CLEANUP(hg_freep) char *id = strdup(task_id);
    HG_CLEANUP(hg_freep) char *plugin_copy = plugin ? strdup(plugin) : NULL;
    if (!message || !id || (plugin && !plugin_copy)) {
        return hg_error_nomem(err);
    }
    int r = hg_frame_encode(&slot->task, message, err);
    if (r < 0) {
        hg_buf_free(&slot->task);
        return r;
    }
    slot->task_id = HG_TAKE(id);
    slot->task_plugin = HG_TAKE(plugin_copy);
    slot->timeout_ms = timeout_ms;
    if (slot->state == HG_SLOT_READY && slot->isolated && !same_text(slot->isolated, plugin)) {
        hg_slot_retire(slot); /* the task waits for the worker that follows */
    }
    return HG_OK;
}

int hg_worker_pool_submit(struct hg_worker_pool *pool,
                          enum hg_lane lane,
                          const char *task_id,
                          const json_t *task,
                          const char *plugin,
                          int64_t timeout_ms,
                          struct hg_error *err)
{
    HG_LOCK(&pool->mutex);
    struct hg_slot *slot = choose(pool, lane, plugin);
    if (!slot) {
        return hg_error_set(err, HG_EUNAVAILABLE, "no worker is free");
    }
    int r = give(slot, task_id, task, plugin, timeout_ms, err);
    wake(pool);
    return r;
}

void hg_worker_pool_cancel(struct hg_worker_pool *pool, const char *task_id)
{
    HG_LOCK(&pool->mutex);
    for (size_t i = 0; i < pool->n_slots; i++) {
        struct hg_slot *slot = &pool->slots[i];
        if (slot->task_id && strcmp(slot->task_id, task_id) == 0) {
            slot->cancelled = true;
            hg_slot_cancel(slot);
        }
    }
    wake(pool);
}

static json_t *slot_to_json(const struct hg_slot *slot)
{
    static const char *const names[] = {
        [HG_SLOT_DOWN] = "down",
        [HG_SLOT_STARTING] = "starting",
        [HG_SLOT_READY] = "idle",
        [HG_SLOT_STOPPING] = "stopping",
    };
    return json_pack("{s:i, s:s, s:s, s:s?, s:i, s:I}",
                     "pid",
                     (int)slot->process.pid,
                     "lane",
                     slot->lane == HG_LANE_RUNS ? "runs" : "interactive",
                     "state",
                     slot->task_id ? "busy" : names[slot->state],
                     "task_id",
                     slot->task_id,
                     "tasks_done",
                     slot->tasks_done,
                     "rss_bytes",
                     (json_int_t)(slot->process.pid ? hg_process_rss_bytes(&slot->process) : 0));
}

json_t *hg_worker_pool_to_json(struct hg_worker_pool *pool)
{
    json_t *list = json_array();
    HG_LOCK(&pool->mutex);
    for (size_t i = 0; list && i < pool->n_slots; i++) {
        const struct hg_slot *slot = &pool->slots[i];
        /* A place in the interactive lane that nobody needs is no worker. */
        if (slot->lane == HG_LANE_RUNS || slot->state != HG_SLOT_DOWN) {
            (void)json_array_append_new(list, slot_to_json(slot));
        }
    }
    return list;
}

void hg_worker_pool_drain(struct hg_worker_pool *pool, int64_t grace_ms)
{
    {
        HG_LOCK(&pool->mutex);
        pool->stopping = true;
        pool->cancel_at_ms = hg_time_monotonic_ms() + grace_ms;
        wake(pool);
    }
    (void)pthread_join(pool->thread, NULL);
    pool->drained = true;
}

void hg_worker_pool_stop(struct hg_worker_pool *pool, int64_t grace_ms)
{
    if (!pool) {
        return;
    }
    if (!pool->drained) {
        hg_worker_pool_drain(pool, grace_ms);
    }
    pool_free(pool);
}
