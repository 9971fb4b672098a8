#include "events/bus.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"

enum {
    BOOT_TEXT = 17,
    DATA_MAX_BYTES = 1 << 20, /* a larger event is a hole: a client asks for such a thing itself */
};

/* An event in the ring; without a text it is a hole. */
struct entry {
    struct hg_event event; /* first: what a caller holds is this */
    atomic_int refs;
    uint64_t seq;
    enum hg_topic topic;
    char run_id[HG_UUID_TEXT];
    char bytes[];
};

struct hg_events {
    struct hg_events_options options;
    char boot[BOOT_TEXT];
    pthread_mutex_t mutex;
    /* Guarded: entries of the sequence numbers [first, next), each at its number modulo the room.
     */
    struct entry **ring;
    uint64_t first;
    uint64_t next;
    size_t n_bytes;
    size_t n_listeners[HG_TOPICS];
    int64_t left_ms[HG_TOPICS]; /* when the last one left; 0: there was none */
    /* Apart, so that nobody who is woken holds up who publishes to others. */
    pthread_mutex_t waker_mutex;
    void (*wake)(void *arg);
    void *wake_arg;
};

struct hg_subscriber {
    struct hg_events *events;
    struct hg_events_filter filter;
    uint64_t at; /* the number that it waits for */
    bool is_lost;
};

int hg_events_new(const struct hg_events_options *options,
                  struct hg_events **ret,
                  struct hg_error *err)
{
    uint64_t boot = 0;
    struct hg_events *events = calloc(1, sizeof *events);
    if (!events) {
        return hg_error_nomem(err);
    }
    events->options = options ? *options : (struct hg_events_options){0};
    if (events->options.events_max == 0) {
        events->options.events_max = 8192;
    }
    if (events->options.bytes_max == 0) {
        events->options.bytes_max = 8 << 20;
    }
    if (events->options.linger_ms == 0) {
        events->options.linger_ms = 60000;
    }
    events->first = events->next = 1;
    events->ring = calloc(events->options.events_max, sizeof(struct entry *));
    int r = events->ring ? hg_random_bytes(&boot, sizeof boot, err) : hg_error_nomem(err);
    if (r < 0) {
        free(events->ring);
        free(events);
        return r;
    }
    (void)snprintf(events->boot, sizeof events->boot, "%016" PRIx64, boot);
    (void)pthread_mutex_init(&events->mutex, NULL);
    (void)pthread_mutex_init(&events->waker_mutex, NULL);
    *ret = events;
    return HG_OK;
}

/* ---- entries ---- */

static void entry_unref(struct entry *entry)
{
    if (entry && atomic_fetch_sub(&entry->refs, 1) == 1) {
        free(entry);
    }
}

void hg_event_unref(const struct hg_event *event)
{
    entry_unref((struct entry *)(uintptr_t)event);
}

/* With the text's head and data; its number is not known yet, and so not in `bytes`. */
static struct entry *entry_new(enum hg_topic topic, const char *run_id, size_t room)
{
    struct entry *entry = malloc(sizeof *entry + room);
    if (entry) {
        memset(entry, 0, sizeof *entry);
        atomic_init(&entry->refs, 1);
        entry->topic = topic;
        (void)snprintf(entry->run_id, sizeof entry->run_id, "%s", run_id ? run_id : "");
    }
    return entry;
}

/* {"id", "type", "at", "data"} */
#define TEXT_FORMAT "{\"id\":\"%s-%" PRIu64 "\",\"type\":\"%s\",\"at\":\"%s\",\"data\":%.*s}"

/* Enough for the text and its end, whatever number it gets. */
static size_t text_room(const char *boot, const char *type, size_t n_data)
{
    enum { NUMBER_MAX = 20 };
    return sizeof TEXT_FORMAT + strlen(boot) + NUMBER_MAX + strlen(type) + HG_TIME_TEXT + n_data;
}

static void put_text(struct entry *entry,
                     const char *boot,
                     const char *type,
                     const char *data,
                     size_t n_data,
                     size_t room)
{
    char at[HG_TIME_TEXT];
    hg_time_format(hg_time_now_us(), at);
    int n =
        snprintf(entry->bytes, room, TEXT_FORMAT, boot, entry->seq, type, at, (int)n_data, data);
    entry->event.text = entry->bytes;
    entry->event.n = (size_t)n;
}

/* ---- the ring; with the mutex held ---- */

static struct entry **slot(struct hg_events *events, uint64_t seq)
{
    return &events->ring[seq % events->options.events_max];
}

static void drop_oldest(struct hg_events *events)
{
    struct entry **oldest = slot(events, events->first);
    events->n_bytes -= *oldest ? (*oldest)->event.n : 0;
    entry_unref(*oldest);
    *oldest = NULL;
    events->first++;
}

/* Takes over one reference; NULL is a hole in everything. */
static void append(struct hg_events *events, struct entry *entry)
{
    if (events->next - events->first == events->options.events_max) {
        drop_oldest(events);
    }
    *slot(events, events->next) = entry;
    events->next++;
    events->n_bytes += entry ? entry->event.n : 0;
    while (events->n_bytes > events->options.bytes_max) {
        drop_oldest(events);
    }
}

static bool wanted(const struct hg_events *events, enum hg_topic topic)
{
    return events->n_listeners[topic] > 0 ||
           (events->left_ms[topic] > 0 &&
            hg_time_monotonic_ms() - events->left_ms[topic] < events->options.linger_ms);
}

void hg_events_free(struct hg_events *events)
{
    if (!events) {
        return;
    }
    while (events->first < events->next) {
        drop_oldest(events);
    }
    (void)pthread_mutex_destroy(&events->mutex);
    (void)pthread_mutex_destroy(&events->waker_mutex);
    free(events->ring);
    free(events);
}

/* ---- publishing ---- */

void hg_events_on_publish(struct hg_events *events, void (*wake)(void *arg), void *arg)
{
    HG_LOCK(&events->waker_mutex);
    events->wake = wake;
    events->wake_arg = arg;
}

static void wake(struct hg_events *events)
{
    HG_LOCK(&events->waker_mutex);
    if (events->wake) {
        events->wake(events->wake_arg);
    }
}

bool hg_events_wanted(struct hg_events *events, enum hg_topic topic)
{
    if (!events) {
        return false;
    }
    HG_LOCK(&events->mutex);
    return wanted(events, topic);
}

void hg_events_publish(struct hg_events *events,
                       enum hg_topic topic,
                       const char *type,
                       const char *run_id,
                       const char *data,
                       size_t n_data)
{
    if (!events) {
        return;
    }
    if (n_data > DATA_MAX_BYTES) {
        hg_events_hole(events, topic);
        return;
    }
    size_t room = text_room(events->boot, type, n_data);
    struct entry *entry = entry_new(topic, run_id, room);
    {
        HG_LOCK(&events->mutex);
        if (entry) {
            entry->seq = events->next;
            put_text(entry, events->boot, type, data, n_data, room);
        }
        append(events, entry);
    }
    wake(events);
}

/* Whether the newest entry says already what a hole would, to subscribers who have not come. */
static bool ends_in_hole(struct hg_events *events, enum hg_topic topic)
{
    const struct entry *last =
        events->next > events->first ? *slot(events, events->next - 1) : NULL;
    return last && !last->event.text && last->topic == topic && events->n_listeners[topic] == 0;
}

void hg_events_hole(struct hg_events *events, enum hg_topic topic)
{
    if (!events) {
        return;
    }
    {
        HG_LOCK(&events->mutex);
        if (ends_in_hole(events, topic)) {
            return;
        }
        append(events, entry_new(topic, NULL, 0));
    }
    wake(events);
}

/* ---- subscribing ---- */

/* Where `id` leaves off; false when what follows it is gone. With the mutex held. */
static bool find_place(struct hg_events *events, const char *id, uint64_t *ret)
{
    size_t n_boot = strlen(events->boot);
    char *end = NULL;
    if (strncmp(id, events->boot, n_boot) != 0 || id[n_boot] != '-' || id[n_boot + 1] < '0' ||
        id[n_boot + 1] > '9') {
        return false;
    }
    uint64_t seq = strtoull(id + n_boot + 1, &end, 10);
    if (*end || seq >= events->next || seq + 1 < events->first) {
        return false;
    }
    *ret = seq + 1;
    return true;
}

int hg_events_subscribe(struct hg_events *events,
                        const struct hg_events_filter *filter,
                        const char *last_event_id,
                        struct hg_subscriber **ret,
                        struct hg_error *err)
{
    struct hg_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (!subscriber) {
        return hg_error_nomem(err);
    }
    subscriber->events = events;
    subscriber->filter = *filter;
    HG_LOCK(&events->mutex);
    subscriber->at = events->next;
    if (last_event_id && !find_place(events, last_event_id, &subscriber->at)) {
        subscriber->is_lost = true;
    }
    for (int topic = 0; topic < HG_TOPICS; topic++) {
        events->n_listeners[topic] += (filter->topics & HG_TOPIC_BIT(topic)) != 0;
    }
    *ret = subscriber;
    return HG_OK;
}

void hg_events_unsubscribe(struct hg_subscriber *subscriber)
{
    if (!subscriber) {
        return;
    }
    struct hg_events *events = subscriber->events;
    {
        HG_LOCK(&events->mutex);
        for (int topic = 0; topic < HG_TOPICS; topic++) {
            if (subscriber->filter.topics & HG_TOPIC_BIT(topic)) {
                events->n_listeners[topic]--;
                events->left_ms[topic] = hg_time_monotonic_ms();
            }
        }
    }
    free(subscriber);
}

/* A hole goes through every filter but that of its topic: nobody knows what fell into it. */
static bool concerns(const struct hg_subscriber *subscriber, const struct entry *entry)
{
    const struct hg_events_filter *filter = &subscriber->filter;
    if (!entry) {
        return true;
    }
    return (filter->topics & HG_TOPIC_BIT(entry->topic)) &&
           (!entry->event.text || !filter->run_id[0] || strcmp(filter->run_id, entry->run_id) == 0);
}

/* With the mutex held. Its id is that of the newest event, behind which the client goes on. */
static const struct hg_event *resync(struct hg_subscriber *subscriber)
{
    struct hg_events *events = subscriber->events;
    size_t room = text_room(events->boot, "resync", 4);
    struct entry *entry = entry_new(HG_TOPIC_RUNS, NULL, room);
    subscriber->is_lost = true;
    if (!entry) {
        return NULL;
    }
    entry->seq = events->next - 1;
    put_text(entry, events->boot, "resync", "null", 4, room);
    subscriber->is_lost = false;
    subscriber->at = events->next;
    return &entry->event;
}

const struct hg_event *hg_events_next(struct hg_subscriber *subscriber)
{
    struct hg_events *events = subscriber->events;
    HG_LOCK(&events->mutex);
    if (subscriber->is_lost || subscriber->at < events->first) {
        return resync(subscriber);
    }
    while (subscriber->at < events->next) {
        struct entry *entry = *slot(events, subscriber->at);
        if (!concerns(subscriber, entry)) {
            subscriber->at++;
        } else if (!entry || !entry->event.text) {
            return resync(subscriber);
        } else {
            subscriber->at++;
            (void)atomic_fetch_add(&entry->refs, 1);
            return &entry->event;
        }
    }
    return NULL;
}
