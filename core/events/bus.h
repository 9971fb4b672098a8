/*
 * The event bus: what changed, told to whoever listens.
 *
 * Events are kept in one ring, bounded in number and bytes, with ids <boot>-<seq>: `boot` is drawn
 * at the start, `seq` rises by one. A subscriber is a place in that ring and not a queue of its
 * own, so the slowest costs nothing: when the ring has gone over its place, or a hole in what it
 * listens to comes by, it is told to look anew (resync) and goes on from the newest event.
 *
 * Publishing never waits and never fails: what cannot be kept becomes a hole. All [any] thread; a
 * subscriber belongs to one thread at a time.
 */
#ifndef HG_EVENTS_BUS_H
#define HG_EVENTS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "events/topics.h"

struct hg_events;
struct hg_subscriber;

/* 0 stands for the default named. */
struct hg_events_options {
    size_t events_max; /* 8192 */
    size_t bytes_max;  /* 8 MiB of their texts */
    int64_t linger_ms; /* 60000: a topic is kept for so long after its last subscriber left */
};

/* Owned by the caller, hg_events_free. */
int hg_events_new(const struct hg_events_options *options,
                  struct hg_events **ret,
                  struct hg_error *err);
/* Behind all subscribers and whoever publishes. NULL is fine. */
void hg_events_free(struct hg_events *events);
/*
 * `wake` is called behind each event, from the thread that published it, with no lock of the bus's
 * held but that for wakers: it must not wait, nor call the bus. One at a time; NULL ends it, and
 * no call is under way any more when that returns.
 */
void hg_events_on_publish(struct hg_events *events, void (*wake)(void *arg), void *arg);

/*
 * Whether anybody listens to the topic, or did lately and may come back for what he missed. What
 * nobody wants need not be made; say hg_events_hole then. False for NULL.
 */
bool hg_events_wanted(struct hg_events *events, enum hg_topic topic);
/*
 * Tells an event. `type` is the contract's ("run.updated"); `run_id` NULL for what belongs to no
 * run; `data` a JSON value of `n_data` bytes. Nothing happens for NULL events.
 */
void hg_events_publish(struct hg_events *events,
                       enum hg_topic topic,
                       const char *type,
                       const char *run_id,
                       const char *data,
                       size_t n_data);
/* Events of the topic were not told: who listens has to look anew. */
void hg_events_hole(struct hg_events *events, enum hg_topic topic);

struct hg_events_filter {
    uint32_t topics;           /* bits, HG_TOPIC_BIT */
    char run_id[HG_UUID_TEXT]; /* only what belongs to this run; "" for all */
};

/*
 * From the newest event on, or from behind `last_event_id` (NULL: none): when that is not of this
 * boot, or gone, the first that comes is a resync. Owned by the caller.
 */
int hg_events_subscribe(struct hg_events *events,
                        const struct hg_events_filter *filter,
                        const char *last_event_id,
                        struct hg_subscriber **ret,
                        struct hg_error *err);
/* NULL is fine. */
void hg_events_unsubscribe(struct hg_subscriber *subscriber);

/* A message as it goes out, shared by all who get it; never changes. */
struct hg_event {
    size_t n;
    const char *text; /* {"id", "type", "at", "data"}, n bytes and a NUL */
};

/*
 * The next message for this subscriber, with a reference of the caller's (hg_event_unref); NULL
 * when there is none yet, or no memory for a resync, which then comes later.
 */
const struct hg_event *hg_events_next(struct hg_subscriber *subscriber);
void hg_event_unref(const struct hg_event *event);

#endif
