#include "pipeline/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "events/bus.h"
#include "joblog/job_log.h"
#include "pipeline/backfill.h"
#include "pipeline/peers.h"
#include "pipeline/service.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"
#include "store/array.h"

enum {
    GAP_MS = 10,                     /* between two looks: what changes meanwhile is told as one */
    RETRY_MS = 1000,                 /* while the database is away */
    KNOWN_MAX = HG_LIVE_CHANGED_MAX, /* runs whose last told state is kept; the eldest goes */
    STATUS_TEXT = 16,
};

/* What was last told of a run. */
struct known {
    char id[HG_UUID_TEXT];
    char status[STATUS_TEXT]; /* "": it was not told yet */
    bool is_new;              /* it was queued first, however it stands when it is read */
    uint64_t run_hash;
    uint64_t *job_hashes;
    size_t n_jobs;
    uint64_t used; /* the look in which it was last told */
};

/* The thread's own. */
struct teller {
    struct hg_pipelines *service;
    struct known known[KNOWN_MAX];
    size_t n_known;
    uint64_t look;
    struct hg_live_thing things[HG_LIVE_CHANGED_MAX];
    size_t n_things;
    struct hg_buf backfills; /* an array of their ids, for SQL */
};

/* ---- sets; with the mutex held ---- */

static void set_add(struct hg_live_set *set, const struct hg_live_thing *thing)
{
    for (size_t i = 0; i < set->n; i++) {
        if (set->things[i].kind == thing->kind && strcmp(set->things[i].id, thing->id) == 0) {
            set->things[i].is_new |= thing->is_new;
            return;
        }
    }
    if (set->n == HG_LIVE_CHANGED_MAX) {
        set->overflowed = true;
        return;
    }
    set->things[set->n++] = *thing;
}

static void set_move(struct hg_live_set *from, struct hg_live_set *to)
{
    memcpy(to->things, from->things, from->n * sizeof from->things[0]);
    to->n = from->n;
    to->overflowed = from->overflowed;
    from->n = 0;
    from->overflowed = false;
}

/* ---- from everywhere ---- */

void hg_live_lost(struct hg_pipelines *service)
{
    hg_events_hole(service->options.events, HG_TOPIC_RUNS);
}

/* `is_ours`: other hosts do not know of it yet. */
static void note(struct hg_pipelines *service, const struct hg_live_thing *thing, bool is_ours)
{
    struct hg_live *live = &service->live;
    bool tells_others = false;
    /* A host without clients of its own may have to tell others all the same. */
    bool wanted = hg_events_wanted(service->options.events, HG_TOPIC_RUNS);
    if (!wanted) {
        hg_events_hole(service->options.events, HG_TOPIC_RUNS);
    }
    {
        HG_LOCK(&live->mutex);
        if (wanted) {
            set_add(&live->here, thing);
            (void)pthread_cond_signal(&live->changed);
        }
        if (is_ours && live->has_others) {
            tells_others = live->others.n == 0;
            set_add(&live->others, thing);
        }
    }
    if (tells_others) {
        hg_peers_wake(service);
    }
}

static struct hg_live_thing thing_of(enum hg_live_kind kind, const char *id)
{
    struct hg_live_thing thing = {.kind = kind};
    (void)snprintf(thing.id, sizeof thing.id, "%s", id);
    return thing;
}

void hg_live_run(struct hg_pipelines *service, const char *run_id, enum hg_live_how how)
{
    struct hg_live_thing thing = thing_of(HG_LIVE_RUN, run_id);
    thing.is_new = how == HG_LIVE_CREATES;
    note(service, &thing, how == HG_LIVE_CHANGED);
}

void hg_live_pipeline(struct hg_pipelines *service, const char *id)
{
    struct hg_live_thing thing = thing_of(HG_LIVE_PIPELINE, id);
    note(service, &thing, true);
}

void hg_live_backfill(struct hg_pipelines *service, const char *id)
{
    struct hg_live_thing thing = thing_of(HG_LIVE_BACKFILL, id);
    note(service, &thing, true);
}

void hg_live_pause(struct hg_pipelines *service)
{
    struct hg_live_thing thing = thing_of(HG_LIVE_PAUSE, "");
    note(service, &thing, true);
}

bool hg_live_heard(struct hg_pipelines *service, char kind, const char *id)
{
    if (kind != HG_LIVE_RUN && kind != HG_LIVE_PIPELINE && kind != HG_LIVE_BACKFILL &&
        kind != HG_LIVE_PAUSE) {
        return false;
    }
    struct hg_live_thing thing = thing_of((enum hg_live_kind)kind, id);
    note(service, &thing, false);
    return true;
}

void hg_live_set_others(struct hg_pipelines *service, bool has_others)
{
    HG_LOCK(&service->live.mutex);
    service->live.has_others = has_others;
    if (!has_others) {
        service->live.others.n = 0;
    }
}

void hg_live_take_others(struct hg_pipelines *service, struct hg_live_set *ret)
{
    HG_LOCK(&service->live.mutex);
    set_move(&service->live.others, ret);
}

void hg_live_log_line(const struct hg_pipelines *service,
                      const struct hg_job_log_name *name,
                      const char *line,
                      size_t n_line)
{
    struct hg_events *events = service->options.events;
    HG_CLEANUP(hg_buf_free) struct hg_buf data = HG_BUF_INIT;
    if (!hg_events_wanted(events, HG_TOPIC_LOGS)) {
        hg_events_hole(events, HG_TOPIC_LOGS);
        return;
    }
    /* The line is an object; its members follow ours. */
    hg_buf_printf(&data,
                  "{\"run_id\":\"%s\",\"job_id\":\"%s\",\"attempt\":%d,%.*s",
                  name->run_id,
                  name->job,
                  name->attempt,
                  (int)n_line - 1,
                  line + 1);
    if (hg_buf_failed(&data)) {
        hg_events_hole(events, HG_TOPIC_LOGS);
    } else {
        hg_events_publish(events, HG_TOPIC_LOGS, "log.line", name->run_id, data.data, data.len);
    }
}

/* ---- what is known ---- */

/* A place for one more, perhaps that of the one that was told longest ago. */
static struct known *new_known(struct teller *teller)
{
    struct known *place = &teller->known[0];
    if (teller->n_known < KNOWN_MAX) {
        place = &teller->known[teller->n_known++];
    }
    for (size_t i = 0; i < teller->n_known; i++) {
        if (teller->known[i].used < place->used) {
            place = &teller->known[i];
        }
    }
    free(place->job_hashes);
    return place;
}

static struct known *known_of(struct teller *teller, const char *id)
{
    for (size_t i = 0; i < teller->n_known; i++) {
        if (strcmp(teller->known[i].id, id) == 0) {
            teller->known[i].used = teller->look;
            return &teller->known[i];
        }
    }
    struct known *known = new_known(teller);
    *known = (struct known){.used = teller->look};
    (void)snprintf(known->id, sizeof known->id, "%s", id);
    return known;
}

/* ---- telling ---- */

static void publish(struct teller *teller, const char *type, const char *run_id, const char *text)
{
    if (text) {
        hg_events_publish(
            teller->service->options.events, HG_TOPIC_RUNS, type, run_id, text, strlen(text));
    } else {
        hg_live_lost(teller->service);
    }
}

/* Without what changes by itself: the time it takes. */
static uint64_t hash_of(json_t *object)
{
    json_t *duration = json_incref(json_object_get(object, "duration_ms"));
    (void)json_object_del(object, "duration_ms");
    HG_CLEANUP(hg_freep) char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)json_object_set_new(object, "duration_ms", duration);
    return text ? hg_hash(text) : 0;
}

/* A status that the run has left already, but that nobody was told. */
static void tell_passed(struct teller *teller, struct known *known, json_t *run, const char *status)
{
    HG_CLEANUP(hg_json_decrefp)
    json_t *delta =
        json_pack("{s:s, s:O, s:s, s:O?, s:O?, s:O?}",
                  "id",
                  known->id,
                  "pipeline_id",
                  json_object_get(run, "pipeline_id"),
                  "status",
                  status,
                  "trigger",
                  json_object_get(run, "trigger"),
                  "queued_at",
                  json_object_get(run, "queued_at"),
                  "started_at",
                  strcmp(status, "queued") == 0 ? json_null() : json_object_get(run, "started_at"));
    HG_CLEANUP(hg_freep) char *text = delta ? json_dumps(delta, JSON_COMPACT) : NULL;
    publish(teller, "run.updated", known->id, text);
    (void)snprintf(known->status, sizeof known->status, "%s", status);
}

static bool is_over(const char *status)
{
    return strcmp(status, "queued") != 0 && strcmp(status, "running") != 0;
}

static void tell_run(struct teller *teller, struct known *known, json_t *run)
{
    const char *status = json_string_value(json_object_get(run, "status"));
    uint64_t now = hash_of(run);
    if (!status || (now == known->run_hash && now != 0)) {
        return;
    }
    HG_CLEANUP(hg_freep) char *text = json_dumps(run, JSON_COMPACT);
    publish(teller, "run.updated", known->id, text);
    known->run_hash = now;
    (void)snprintf(known->status, sizeof known->status, "%s", status);
}

static void tell_job(struct teller *teller, const struct known *known, json_t *run, json_t *job)
{
    HG_CLEANUP(hg_json_decrefp) json_t *data = json_copy(job);
    HG_CLEANUP(hg_freep) char *text = NULL;
    if (data && json_object_set_new(data, "run_id", json_string(known->id)) == 0 &&
        json_object_set(data, "pipeline_id", json_object_get(run, "pipeline_id")) == 0) {
        text = json_dumps(data, JSON_COMPACT);
    }
    publish(teller, "job.updated", known->id, text);
}

static void tell_jobs(struct teller *teller, struct known *known, json_t *run, json_t *jobs)
{
    size_t n = json_array_size(jobs);
    size_t i;
    json_t *job;
    if (n != known->n_jobs) {
        free(known->job_hashes);
        known->job_hashes = calloc(n + 1, sizeof known->job_hashes[0]);
        known->n_jobs = known->job_hashes ? n : 0;
    }
    json_array_foreach (jobs, i, job) {
        uint64_t now = hash_of(job);
        if (i >= known->n_jobs || known->job_hashes[i] != now || now == 0) {
            tell_job(teller, known, run, job);
        }
        if (i < known->n_jobs) {
            known->job_hashes[i] = now;
        }
    }
}

/* A run that is over is told behind its jobs: whoever sees its end has seen theirs. */
static void tell(struct teller *teller, struct known *known, json_t *run)
{
    HG_CLEANUP(hg_json_decrefp) json_t *jobs = json_incref(json_object_get(run, "jobs"));
    const char *status = json_string_value(json_object_get(run, "status"));
    bool over = status && is_over(status);
    (void)json_object_del(run, "jobs");
    if (known->is_new && status && strcmp(status, "queued") != 0) {
        tell_passed(teller, known, run, "queued");
    }
    known->is_new = false;
    if (over && strcmp(known->status, "queued") == 0 && strcmp(status, "cancelled") != 0) {
        tell_passed(teller, known, run, "running");
    }
    if (!over) {
        tell_run(teller, known, run);
    }
    tell_jobs(teller, known, run, jobs);
    if (over) {
        tell_run(teller, known, run);
    }
}

/* ---- reading ---- */

static const struct hg_statement read_runs = {
    "live_runs",
    "select r.id, " HG_SQL_RUN " as item from run r where r.id = any($1::uuid[]) order by r.id",
    1};

/* Named before their commit: a run may not be there to be read yet, and is new all the same. */
static void note_new(struct teller *teller)
{
    for (size_t i = 0; i < teller->n_things; i++) {
        const struct hg_live_thing *thing = &teller->things[i];
        if (thing->kind == HG_LIVE_RUN && thing->is_new) {
            struct known *known = known_of(teller, thing->id);
            known->is_new = !known->status[0];
        }
    }
}

/* The ids of one kind as an array for SQL; how many they are. */
static size_t put_ids(const struct teller *teller, enum hg_live_kind kind, struct hg_buf *array)
{
    size_t n = 0;
    for (size_t i = 0; i < teller->n_things; i++) {
        if (teller->things[i].kind == kind) {
            hg_array_put(array, teller->things[i].id);
            n++;
        }
    }
    return n;
}

/* A backfill has another run, or one more that has ended. */
static void note_backfill(struct teller *teller, const json_t *run, bool is_new)
{
    const char *id = json_string_value(json_object_get(run, "backfill_id"));
    const char *status = json_string_value(json_object_get(run, "status"));
    if (id && (is_new || (status && is_over(status)))) {
        hg_array_put(&teller->backfills, id);
    }
}

static int read_things(struct teller *teller,
                       const struct hg_statement *statement,
                       struct hg_buf *ids,
                       PGresult **ret,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    const char *const params[] = {hg_array_text(ids)};
    int r = params[0] ? hg_pool_borrow(teller->service->options.metadata, HG_BORROW_MS, &db, err)
                      : hg_error_nomem(err);
    return r < 0 ? r : hg_db_exec(db, statement, params, ret, err);
}

static int look_at_runs(struct teller *teller, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
    size_t n = put_ids(teller, HG_LIVE_RUN, &ids);
    note_new(teller);
    int r = n > 0 ? read_things(teller, &read_runs, &ids, &result, err) : HG_OK;
    for (int row = 0; r == HG_OK && row < PQntuples(result); row++) {
        const char *id = hg_result_text(result, row, "id");
        struct known *known = known_of(teller, id);
        HG_CLEANUP(hg_json_decrefp) json_t *run = hg_result_json(result, row, "item");
        if (run) {
            note_backfill(teller, run, known->is_new);
            tell(teller, known, run);
        } else {
            hg_live_lost(teller->service);
        }
    }
    return r;
}

static int look_at_backfills(struct teller *teller, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    size_t n = put_ids(teller, HG_LIVE_BACKFILL, &teller->backfills);
    int r = n > 0 || teller->backfills.len > 0
                ? read_things(teller, &hg_backfills_read, &teller->backfills, &result, err)
                : HG_OK;
    for (int row = 0; r == HG_OK && row < PQntuples(result); row++) {
        publish(teller, "backfill.updated", NULL, hg_result_text(result, row, "item"));
    }
    return r;
}

static int look_at_pipeline(struct teller *teller, const char *id, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
    int r = hg_pipelines_get(teller->service, id, &pipeline, err);
    if (r == HG_ENOTFOUND) {
        return HG_OK;
    }
    if (r == HG_OK) {
        (void)json_object_del(pipeline, "jobs");
        (void)json_object_del(pipeline, "last_run");
        HG_CLEANUP(hg_freep) char *text = json_dumps(pipeline, JSON_COMPACT);
        publish(teller, "pipeline.updated", NULL, text);
    }
    return r;
}

static int look_at_pause(struct teller *teller, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *status = NULL;
    int r = hg_pipelines_status(teller->service, &status, err);
    if (r == HG_OK) {
        HG_CLEANUP(hg_json_decrefp)
        json_t *data = json_pack("{s:O, s:O}",
                                 "paused",
                                 json_object_get(status, "paused"),
                                 "paused_at",
                                 json_object_get(status, "paused_at"));
        HG_CLEANUP(hg_freep) char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;
        publish(teller, "system.updated", NULL, text);
    }
    return r;
}

static int look(struct teller *teller, struct hg_error *err)
{
    hg_buf_free(&teller->backfills);
    teller->look++;
    int r = look_at_runs(teller, err);
    r = r < 0 ? r : look_at_backfills(teller, err);
    for (size_t i = 0; r == HG_OK && i < teller->n_things; i++) {
        if (teller->things[i].kind == HG_LIVE_PIPELINE) {
            r = look_at_pipeline(teller, teller->things[i].id, err);
        } else if (teller->things[i].kind == HG_LIVE_PAUSE) {
            r = look_at_pause(teller, err);
        }
    }
    return r;
}

/* ---- the thread ---- */

/* Takes what has changed over; false once it shall stop. */
static bool wait_for_changes(struct teller *teller)
{
    struct hg_live *live = &teller->service->live;
    struct hg_live_set taken = {.things = teller->things};
    {
        HG_LOCK(&live->mutex);
        while (live->here.n == 0 && !live->stopping) {
            (void)pthread_cond_wait(&live->changed, &live->mutex);
        }
        if (live->here.n == 0) {
            return false; /* what was changed before the stop is told first */
        }
        set_move(&live->here, &taken);
    }
    teller->n_things = taken.n;
    if (taken.overflowed) {
        hg_live_lost(teller->service);
    }
    return true;
}

/* False once it shall stop. */
static bool pause_for(struct hg_live *live, int64_t wait_ms)
{
    struct timespec until;
    hg_time_monotonic_after(wait_ms, &until);
    HG_LOCK(&live->mutex);
    while (!live->stopping && pthread_cond_timedwait(&live->changed, &live->mutex, &until) == 0) {
    }
    return !live->stopping;
}

static void *tell_changes(void *arg)
{
    struct teller *teller = arg;
    struct hg_live *live = &teller->service->live;
    while (wait_for_changes(teller)) {
        struct hg_error err = HG_ERROR_INIT;
        int r = look(teller, &err);
        while (r < 0 && pause_for(live, RETRY_MS)) {
            err = (struct hg_error)HG_ERROR_INIT; /* the dispatcher says that it is away */
            r = look(teller, &err);
        }
        if (r < 0) {
            hg_live_lost(teller->service);
        }
        (void)pause_for(live, GAP_MS);
    }
    for (size_t i = 0; i < teller->n_known; i++) {
        free(teller->known[i].job_hashes);
    }
    hg_buf_free(&teller->backfills);
    free(teller);
    return NULL;
}

static int start_thread(struct hg_pipelines *service, struct hg_error *err)
{
    struct teller *teller = calloc(1, sizeof *teller);
    if (!teller) {
        return hg_error_nomem(err);
    }
    teller->service = service;
    int e = pthread_create(&service->live.thread, NULL, tell_changes, teller);
    if (e != 0) {
        free(teller);
        return hg_error_errno(err, e, "cannot start the thread for live updates");
    }
    service->live.has_thread = true;
    return HG_OK;
}

int hg_live_start(struct hg_pipelines *service, struct hg_error *err)
{
    struct hg_live *live = &service->live;
    live->here.things = calloc(HG_LIVE_CHANGED_MAX, sizeof live->here.things[0]);
    live->others.things = calloc(HG_LIVE_CHANGED_MAX, sizeof live->others.things[0]);
    if (!live->here.things || !live->others.things) {
        return hg_error_nomem(err);
    }
    /* Without clients there is nothing to read, but other hosts may have some. */
    return service->options.events ? start_thread(service, err) : HG_OK;
}

void hg_live_stop(struct hg_pipelines *service)
{
    struct hg_live *live = &service->live;
    {
        HG_LOCK(&live->mutex);
        live->stopping = true;
        (void)pthread_cond_broadcast(&live->changed);
    }
    if (live->has_thread) {
        (void)pthread_join(live->thread, NULL);
        live->has_thread = false;
    }
    free(live->here.things);
    free(live->others.things);
    live->here.things = live->others.things = NULL;
}
