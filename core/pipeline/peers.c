/*
 * The hosts on one database: which of them leads, and how they wake each other.
 *
 * One thread with a connection of its own. It holds the leader's advisory lock if it can get it and
 * says so in the host's row. A host also leads when nobody whose lease holds says that he does: a
 * frozen process keeps its lock. So two may lead for a while, which does no harm, since a tick's
 * run is unique; leading only spares the others the work.
 *
 * Work is announced by NOTIFY from here, at most once in COALESCE_MS and only when there are other
 * hosts. Within the transactions that add tasks it would make their commits wait for each other.
 */
#include "pipeline/peers.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "pipeline/live.h"
#include "pipeline/signal.h"
#include "pipeline/state.h"

enum {
    LOOK_MS = 2000,
    RETRY_DATABASE_MS = 1000,
    COALESCE_MS = 20,
    THINGS_AT_ONCE = 110, /* ids in one notice, which may have 8000 bytes */
};

/* Of the advisory lock; any number that nobody else uses. */
#define LOCK_KEY "5260129372348"
#define CHANNEL  "headgate_hosts"

#define SAY_WORK      "work"
#define SAY_SCHEDULES "schedules"
#define SAY_CHANGED   "changed" /* and kinds and ids; none: more than can be named */

static const struct hg_statement look = {
    "peers_look",
    "select (select count(*) from host where name <> $1 and lease_until > now()) as n_others,"
    " exists (select from host where name <> $1 and leads and lease_until > now()) as led,"
    " case when $2::boolean then true else pg_try_advisory_lock(" LOCK_KEY ") end as locked",
    2};

static const struct hg_statement tell_in_row = {
    "peers_tell",
    "update host set leads = $2::boolean where name = $1 and leads <> $2::boolean",
    2};

static const struct hg_statement announce = {
    "peers_announce", "select pg_notify('" CHANNEL "', $1)", 1};

struct touch {
    struct hg_pipelines *service;
    struct hg_db *db; /* NULL while the database is away */
    bool locked;
    int64_t look_at_ms;
    int64_t announce_at_ms; /* not before */
    struct hg_live_set changed;
    struct hg_live_thing things[HG_LIVE_CHANGED_MAX]; /* its room */
};

static int connect_to_database(struct touch *touch, struct hg_error *err)
{
    const char *conninfo = hg_pool_conninfo(touch->service->options.metadata);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_db_connect(conninfo, "headgate peers", &db, err);
    r = r < 0 ? r : hg_db_simple(db, "listen " CHANNEL, NULL, err);
    if (r == HG_OK) {
        touch->db = HG_TAKE(db);
        touch->look_at_ms = 0;
        hg_live_lost(touch->service); /* what others told meanwhile has not come here */
    }
    return r;
}

static void set_leads(struct hg_pipelines *service, bool leads, int64_t n_others)
{
    bool begins;
    {
        HG_LOCK(&service->mutex);
        begins = leads && !service->peers.leads;
        service->peers.leads = leads;
        service->peers.n_others = n_others;
    }
    hg_live_set_others(service, n_others > 0);
    if (begins) {
        hg_signal_scheduler(service); /* what is due by now is ours */
    }
}

static void disconnect(struct touch *touch)
{
    hg_db_return(HG_TAKE(touch->db));
    touch->locked = false;
    set_leads(touch->service, false, 0);
}

static int look_around(struct touch *touch, struct hg_error *err)
{
    struct hg_pipelines *service = touch->service;
    const char *const params[] = {service->options.host, touch->locked ? "true" : "false"};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(touch->db, &look, params, &result, err);
    if (r < 0) {
        return r;
    }
    touch->locked = hg_result_bool(result, 0, "locked");
    bool leads = touch->locked || !hg_result_bool(result, 0, "led");
    const char *const told[] = {service->options.host, leads ? "true" : "false"};
    set_leads(service, leads, hg_result_int64(result, 0, "n_others", 0));
    touch->look_at_ms = hg_time_monotonic_ms() + LOOK_MS;
    return hg_db_exec(touch->db, &tell_in_row, told, NULL, err);
}

static void hear_changed(struct hg_pipelines *service, const char *things)
{
    hg_signal_run_changed(service);
    if (*things == '\0') {
        hg_live_lost(service);
    }
    while (*things == ' ' && things[1]) {
        char id[HG_LIVE_ID];
        char kind = things[1];
        size_t n = strcspn(things + 2, " ");
        (void)snprintf(id, sizeof id, "%.*s", (int)(n < sizeof id ? n : sizeof id), things + 2);
        (void)hg_live_heard(service, kind, id);
        things += 2 + n;
    }
}

static void hear(struct hg_pipelines *service, const char *what)
{
    if (hg_starts_with(what, SAY_CHANGED)) {
        hear_changed(service, what + strlen(SAY_CHANGED));
    } else if (strcmp(what, SAY_WORK) == 0) {
        hg_dispatch_wake(service->dispatch);
    } else {
        hg_signal_scheduler(service);
    }
}

static int take_notices(struct touch *touch, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(touch->db);
    PGnotify *notice;
    if (!PQconsumeInput(conn)) {
        return hg_error_set(err, HG_EUNAVAILABLE, "the connection to the database is gone");
    }
    while ((notice = PQnotifies(conn)) != NULL) {
        if (notice->be_pid != PQbackendPID(conn)) {
            hear(touch->service, notice->extra);
        }
        PQfreemem(notice);
    }
    return HG_OK;
}

static int announce_if(struct touch *touch, bool *what, const char *text, struct hg_error *err)
{
    const char *const params[] = {text};
    bool heard;
    {
        HG_LOCK(&touch->service->mutex);
        heard = *what && touch->service->peers.n_others > 0;
        *what = false;
    }
    return heard ? hg_db_exec(touch->db, &announce, params, NULL, err) : HG_OK;
}

static int announce_text(struct touch *touch, const char *text, struct hg_error *err)
{
    const char *const params[] = {text};
    return text ? hg_db_exec(touch->db, &announce, params, NULL, err) : hg_error_nomem(err);
}

/* What is not told because the database is away, others read anew when they come back to it. */
static int announce_changed(struct touch *touch, struct hg_error *err)
{
    struct hg_live_set *set = &touch->changed;
    hg_live_take_others(touch->service, set);
    int r = set->overflowed ? announce_text(touch, SAY_CHANGED, err) : HG_OK;
    for (size_t i = 0; r == HG_OK && i < set->n;) {
        HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
        hg_buf_puts(&text, SAY_CHANGED);
        for (size_t k = 0; k < THINGS_AT_ONCE && i < set->n; k++, i++) {
            hg_buf_printf(&text, " %c%s", (char)set->things[i].kind, set->things[i].id);
        }
        r = announce_text(touch, hg_buf_failed(&text) ? NULL : text.data, err);
    }
    return r;
}

static int announce_all(struct touch *touch, struct hg_error *err)
{
    struct hg_pipelines *service = touch->service;
    touch->announce_at_ms = hg_time_monotonic_ms() + COALESCE_MS;
    int r = announce_if(touch, &service->peers.has_more_work, SAY_WORK, err);
    r = r < 0 ? r : announce_if(touch, &service->peers.has_new_schedules, SAY_SCHEDULES, err);
    return r < 0 ? r : announce_changed(touch, err);
}

static int one_round(struct touch *touch, struct hg_error *err)
{
    int64_t now = hg_time_monotonic_ms();
    int r = touch->db ? HG_OK : connect_to_database(touch, err);
    if (r == HG_OK && now >= touch->look_at_ms) {
        r = look_around(touch, err);
    }
    if (r == HG_OK && now >= touch->announce_at_ms) {
        r = announce_all(touch, err);
    }
    return r < 0 ? r : take_notices(touch, err); /* also those that came with an answer */
}

/* Until the database says something, somebody here has something to say, or a look is due. */
static void wait_for_news(struct touch *touch)
{
    uint64_t n;
    int64_t now = hg_time_monotonic_ms();
    int64_t wait_ms = touch->db ? touch->look_at_ms - now : RETRY_DATABASE_MS;
    bool muted = now < touch->announce_at_ms; /* what is to be said gathers meanwhile */
    wait_ms =
        muted && touch->announce_at_ms - now < wait_ms ? touch->announce_at_ms - now : wait_ms;
    struct pollfd fds[] = {
        {.fd = muted ? -1 : touch->service->peers.event, .events = POLLIN},
        {.fd = touch->db ? PQsocket(hg_db_conn(touch->db)) : -1, .events = POLLIN},
    };
    (void)poll(fds, HG_COUNT(fds), wait_ms < 0 ? 0 : (int)wait_ms);
    if (fds[0].revents) {
        (void)!read(touch->service->peers.event, &n, sizeof n);
    }
}

static void *keep_in_touch(void *arg)
{
    struct touch touch = {.service = arg};
    touch.changed.things = touch.things;
    while (!hg_signal_is_stopping(touch.service)) {
        struct hg_error err = HG_ERROR_INIT;
        if (one_round(&touch, &err) < 0) {
            disconnect(&touch); /* the dispatcher says that the database is away */
        }
        wait_for_news(&touch);
    }
    disconnect(&touch);
    return NULL;
}

int hg_peers_start(struct hg_pipelines *service, struct hg_error *err)
{
    service->peers.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (service->peers.event < 0) {
        return hg_error_errno(err, errno, "cannot make an eventfd");
    }
    int e = pthread_create(&service->peers.thread, NULL, keep_in_touch, service);
    if (e != 0) {
        (void)close(service->peers.event);
        return hg_error_errno(err, e, "cannot start the thread for other hosts");
    }
    service->peers.has_thread = true;
    return HG_OK;
}

void hg_peers_wake(struct hg_pipelines *service)
{
    const uint64_t one = 1;
    (void)!write(service->peers.event, &one, sizeof one);
}

void hg_peers_stop(struct hg_pipelines *service)
{
    if (service->peers.has_thread) {
        hg_peers_wake(service);
        (void)pthread_join(service->peers.thread, NULL);
        (void)close(service->peers.event);
        service->peers.has_thread = false;
    }
}

bool hg_peers_lead(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    return service->peers.leads;
}

void hg_peers_tell_work(struct hg_pipelines *service)
{
    {
        HG_LOCK(&service->mutex);
        if (service->peers.has_more_work || service->peers.n_others == 0) {
            return;
        }
        service->peers.has_more_work = true;
    }
    hg_peers_wake(service);
}

void hg_peers_tell_schedules(struct hg_pipelines *service)
{
    {
        HG_LOCK(&service->mutex);
        if (!service->peers.has_thread) {
            return;
        }
        service->peers.has_new_schedules = true;
    }
    hg_peers_wake(service);
}
