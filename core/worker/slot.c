#include "worker/slot.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/time.h"
#include "worker/frame.h"

enum {
    RESTART_FIRST_MS = 50,
    RESTART_MAX_MS = 30000,
    CANCEL_GRACE_MS = 2000,
    START_MAX_MS = 60000,
    STOP_MAX_MS = 2000,
    MEMORY_LOOK_MS = 200,
};

bool hg_slot_is_free(const struct hg_slot *slot)
{
    return !slot->task_id && slot->state != HG_SLOT_STOPPING &&
           (slot->state != HG_SLOT_DOWN || slot->crashes_in_a_row == 0 ||
            slot->restart_at_ms <= hg_time_monotonic_ms());
}

bool hg_slot_has_unsent(const struct hg_slot *slot)
{
    return slot->task_id && slot->task.len > 0;
}

int64_t hg_slot_restart_delay_ms(int crashes_in_a_row)
{
    if (crashes_in_a_row <= 0) {
        return 0;
    }
    int doublings = crashes_in_a_row - 1 < 10 ? crashes_in_a_row - 1 : 10;
    int64_t delay = (int64_t)RESTART_FIRST_MS << doublings;
    return delay < RESTART_MAX_MS ? delay : RESTART_MAX_MS;
}

static void went_down(struct hg_slot *slot, bool crashed)
{
    slot->state = HG_SLOT_DOWN;
    slot->crashes_in_a_row = crashed ? slot->crashes_in_a_row + 1 : 0;
    slot->restart_at_ms = hg_time_monotonic_ms() + hg_slot_restart_delay_ms(slot->crashes_in_a_row);
}

bool hg_slot_wants_process(const struct hg_slot *slot)
{
    return slot->lane == HG_LANE_RUNS || slot->task_id;
}

int hg_slot_start(struct hg_slot *slot,
                  const struct hg_worker_options *options,
                  struct hg_error *err)
{
    hg_buf_reset(&slot->in);
    hg_buf_reset(&slot->out);
    slot->tasks_done = 0;
    slot->first_rss_bytes = 0;
    hg_freep(&slot->isolated);
    int r = hg_process_start(options->self, options->memory_limit_bytes, &slot->process, err);
    if (r < 0) {
        went_down(slot, true);
        return r;
    }
    slot->state = HG_SLOT_STARTING;
    slot->state_until_ms = hg_time_monotonic_ms() + START_MAX_MS;
    return HG_OK;
}

static void queue_message(struct hg_slot *slot, json_t *message)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *owned = message;
    if (!owned || hg_frame_encode(&slot->out, owned, &err) < 0) {
        /* Without memory for a few bytes the worker is ended; its task is reported as failed. */
        hg_process_kill(&slot->process, SIGKILL);
        return;
    }
    (void)hg_slot_flush(slot);
}

void hg_slot_retire(struct hg_slot *slot)
{
    slot->state = HG_SLOT_STOPPING;
    slot->state_until_ms = hg_time_monotonic_ms() + STOP_MAX_MS;
    queue_message(slot, json_pack("{s:s}", "type", "stop"));
}

void hg_slot_send_task(struct hg_slot *slot)
{
    /* One that was cancelled meanwhile is taken off the slot by the supervisor. */
    if (slot->state != HG_SLOT_READY || !hg_slot_has_unsent(slot) || slot->cancelled) {
        return;
    }
    hg_buf_append(&slot->out, slot->task.data, slot->task.len);
    hg_buf_free(&slot->task);
    if (hg_buf_failed(&slot->out)) {
        hg_process_kill(&slot->process, SIGKILL); /* without memory: its end is reported */
        return;
    }
    slot->heard_at_ms = hg_time_monotonic_ms();
    if (slot->timeout_ms > 0) {
        slot->deadline_ms = hg_time_monotonic_ms() + slot->timeout_ms;
    }
    if (slot->task_plugin && !slot->isolated) {
        slot->isolated = strdup(slot->task_plugin);
    }
    (void)hg_slot_flush(slot);
}

void hg_slot_cancel(struct hg_slot *slot)
{
    if (slot->task.len == 0 && slot->kill_at_ms == 0) {
        slot->kill_at_ms = hg_time_monotonic_ms() + CANCEL_GRACE_MS;
        queue_message(slot, json_pack("{s:s, s:s}", "type", "cancel", "task_id", slot->task_id));
    }
}

bool hg_slot_flush(struct hg_slot *slot)
{
    while (slot->out.len > 0) {
        ssize_t n = send(slot->process.socket, slot->out.data, slot->out.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN;
        }
        slot->out.len -= (size_t)n;
        memmove(slot->out.data, slot->out.data + n, slot->out.len);
    }
    return true;
}

/* Now and then: each message brings us here, and asking costs as much as a message. */
static void check_memory(struct hg_slot *slot, const struct hg_worker_options *options, int64_t now)
{
    int64_t limit = options->memory_limit_bytes;
    if (limit <= 0 || now < slot->memory_look_at_ms) {
        return;
    }
    slot->memory_look_at_ms = now + MEMORY_LOOK_MS;
    int64_t rss = hg_process_rss_bytes(&slot->process);
    if (rss > limit && slot->over_limit_bytes == 0) {
        slot->over_limit_bytes = rss;
        hg_process_kill(&slot->process, SIGKILL);
    }
}

/* A process that is frozen holds its task, and locks in the warehouse, for ever. */
static void check_silence(struct hg_slot *slot, const struct hg_worker_options *options)
{
    char byte;
    bool overdue = hg_time_monotonic_ms() - slot->heard_at_ms > options->silence_max_ms;
    /* What waits to be read is a sign too: it may be us who were frozen. */
    if (overdue && !slot->silent &&
        recv(slot->process.socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
        slot->silent = true;
        hg_process_kill(&slot->process, SIGKILL);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t check_idle(struct hg_slot *slot,
                          const struct hg_worker_options *options,
                          int64_t now)
{
    if (slot->lane == HG_LANE_RUNS) {
        return 0;
    }
    if (now - slot->idle_since_ms < options->idle_max_ms) {
        return slot->idle_since_ms + options->idle_max_ms;
    }
    hg_slot_retire(slot);
    return slot->state_until_ms;
}

int64_t hg_slot_check(struct hg_slot *slot, const struct hg_worker_options *options)
{
    int64_t now = hg_time_monotonic_ms();
    if (slot->state == HG_SLOT_DOWN) {
        return hg_slot_wants_process(slot) ? slot->restart_at_ms : 0;
    }
    if (slot->state != HG_SLOT_READY && now >= slot->state_until_ms) {
        hg_process_kill(&slot->process, SIGKILL);
        return 0; /* its pidfd wakes us */
    }
    if (slot->state == HG_SLOT_READY && !slot->task_id) {
        return check_idle(slot, options, now);
    }
    if (slot->state != HG_SLOT_READY || hg_slot_has_unsent(slot)) {
        return slot->state != HG_SLOT_READY ? slot->state_until_ms : 0;
    }
    if (slot->deadline_ms > 0 && now >= slot->deadline_ms && !slot->timed_out) {
        slot->timed_out = true;
        hg_slot_cancel(slot);
    }
    if (slot->kill_at_ms > 0 && now >= slot->kill_at_ms) {
        hg_process_kill(&slot->process, SIGKILL);
        return 0;
    }
    check_memory(slot, options, now);
    check_silence(slot, options);
    int64_t next = slot->timed_out ? 0 : slot->deadline_ms;
    next = sooner(next, slot->kill_at_ms);
    next = sooner(next, slot->heard_at_ms + options->silence_max_ms + 1);
    return options->memory_limit_bytes > 0 ? sooner(next, slot->memory_look_at_ms) : next;
}

void hg_slot_clear_task(struct hg_slot *slot)
{
    hg_freep(&slot->task_id);
    hg_freep(&slot->task_plugin);
    hg_buf_free(&slot->task);
    slot->idle_since_ms = hg_time_monotonic_ms();
    slot->timeout_ms = 0;
    slot->deadline_ms = 0;
    slot->kill_at_ms = 0;
    slot->cancelled = false;
    slot->timed_out = false;
    slot->silent = false;
    slot->over_limit_bytes = 0;
}

static void say_who(struct hg_error *err, const char *plugin)
{
    if (plugin[0] != '\0') {
        (void)hg_error_wrap(err, "plugin \"%s\"", plugin);
    }
}

static const char *hint_for(int signal_number, const char *plugin)
{
    if (signal_number == SIGKILL) {
        return "It did not crash by itself: the kernel ends processes when memory runs out, see "
               "its log; or somebody ended it.";
    }
    return plugin[0] ? "The plugin crashed: report it to its author." : "";
}

static void explain_death(const struct hg_slot *slot,
                          const struct hg_worker_options *options,
                          int status,
                          const char *plugin,
                          struct hg_error *ret)
{
    int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (slot->over_limit_bytes > 0) {
        hg_error_set(ret,
                     HG_ETOOBIG,
                     "the worker used %" PRId64 " MB of memory, its limit is %" PRId64
                     " MB, and was ended (SIGKILL)",
                     slot->over_limit_bytes >> 20,
                     options->memory_limit_bytes >> 20);
    } else if (slot->silent) {
        hg_error_set(ret,
                     HG_EUNAVAILABLE,
                     "the worker gave no sign of life for %" PRId64
                     " s (frozen, or its disk hangs) and was ended (SIGKILL)",
                     options->silence_max_ms / 1000);
    } else if (slot->timed_out) {
        hg_error_set(ret,
                     HG_ETIMEDOUT,
                     "took longer than its timeout of %" PRId64
                     " ms, did not stop when asked, and was ended (SIGKILL)",
                     slot->timeout_ms);
    } else if (slot->cancelled) {
        hg_error_set(
            ret, HG_ECANCELLED, "cancelled; did not stop when asked, and was ended (SIGKILL)");
    } else if (signal_number > 0) {
        const char *name = sigabbrev_np(signal_number);
        hg_error_set(ret,
                     HG_EUNAVAILABLE,
                     "the worker was ended by signal %d (SIG%s)",
                     signal_number,
                     name ? name : "?");
        hg_error_hint(ret, "%s", hint_for(signal_number, plugin));
    } else {
        hg_error_set(ret,
                     HG_EUNAVAILABLE,
                     "the worker ended with exit code %d in the middle of the task",
                     WEXITSTATUS(status));
    }
    ret->retryable = !slot->cancelled;
    say_who(ret, plugin);
}

void hg_slot_reap(struct hg_slot *slot,
                  const struct hg_worker_options *options,
                  struct hg_blame_note *ret_note,
                  struct hg_error *ret_error)
{
    int status;
    hg_process_reap(&slot->process, &status, ret_note);
    explain_death(slot, options, status, ret_note->plugin, ret_error);
    bool expected = slot->state == HG_SLOT_STOPPING;
    bool ended_by_us =
        slot->cancelled || slot->timed_out || slot->silent || slot->over_limit_bytes > 0;
    went_down(slot, !expected && !ended_by_us);
}

void hg_slot_free(struct hg_slot *slot)
{
    hg_slot_clear_task(slot);
    hg_buf_free(&slot->in);
    hg_buf_free(&slot->out);
    hg_freep(&slot->isolated);
}
