#include "auth/throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/uuid.h"

enum {
    N_BUCKETS = 512,
    WAYS = 8,
    KEY_MAX = 80,
    FORGET_MS = 3600 * 1000,
};

struct entry {
    char key[KEY_MAX];
    int failures; /* 0: free */
    int64_t last_ms;
    int64_t blocked_until_ms;
};

struct hg_throttle {
    struct hg_throttle_options options;
    uint64_t seed; /* so that nobody can aim at a bucket */
    pthread_mutex_t mutex;
    struct entry entries[N_BUCKETS][WAYS];
};

int hg_throttle_new(const struct hg_throttle_options *options,
                    struct hg_throttle **ret,
                    struct hg_error *err)
{
    uint64_t seed;
    int r = hg_random_bytes(&seed, sizeof seed, err);
    if (r < 0) {
        return r;
    }
    struct hg_throttle *throttle = calloc(1, sizeof *throttle);
    if (!throttle) {
        return hg_error_nomem(err);
    }
    throttle->options = *options;
    throttle->seed = seed;
    (void)pthread_mutex_init(&throttle->mutex, NULL);
    *ret = throttle;
    return HG_OK;
}

void hg_throttle_free(struct hg_throttle *throttle)
{
    if (throttle) {
        (void)pthread_mutex_destroy(&throttle->mutex);
        free(throttle);
    }
}

static struct entry *bucket_of(struct hg_throttle *throttle, const char *key)
{
    uint64_t hash = throttle->seed;
    for (; *key; key++) {
        hash = (hash ^ (unsigned char)*key) * 1099511628211u;
        hash ^= hash >> 29;
    }
    return throttle->entries[hash % N_BUCKETS];
}

static struct entry *find(struct entry *bucket, const char *key)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i].failures > 0 && strncmp(bucket[i].key, key, KEY_MAX - 1) == 0) {
            return &bucket[i];
        }
    }
    return NULL;
}

/* A place for a new key: a free one, else the one that failed longest ago. */
static struct entry *make_room(struct entry *bucket)
{
    struct entry *oldest = &bucket[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i].failures == 0) {
            return &bucket[i];
        }
        if (bucket[i].last_ms < oldest->last_ms) {
            oldest = &bucket[i];
        }
    }
    return oldest;
}

static int64_t wait_after(const struct hg_throttle_options *options, int failures)
{
    int64_t wait_ms = options->first_wait_ms;
    if (failures < options->free_attempts) {
        return 0;
    }
    for (int i = options->free_attempts; i < failures && wait_ms < options->max_wait_ms; i++) {
        wait_ms *= 2;
    }
    return wait_ms < options->max_wait_ms ? wait_ms : options->max_wait_ms;
}

int hg_throttle_attempt(struct hg_throttle *throttle,
                        const char *key,
                        int64_t now_ms,
                        struct hg_error *err)
{
    HG_LOCK(&throttle->mutex);
    struct entry *bucket = bucket_of(throttle, key);
    struct entry *entry = find(bucket, key);
    if (entry && now_ms - entry->last_ms > FORGET_MS) {
        entry->failures = 0;
        entry = NULL;
    }
    if (entry && now_ms < entry->blocked_until_ms) {
        int r = hg_error_set(err, HG_ERATELIMITED, "too many attempts to sign in failed");
        if (err) {
            err->retryable = 1;
            err->retry_after_ms = entry->blocked_until_ms - now_ms;
        }
        return r;
    }
    if (!entry) {
        entry = make_room(bucket);
        memset(entry, 0, sizeof *entry);
        memcpy(entry->key, key, strnlen(key, KEY_MAX - 1));
    }
    entry->failures += entry->failures < 1000;
    entry->last_ms = now_ms;
    entry->blocked_until_ms = now_ms + wait_after(&throttle->options, entry->failures);
    return HG_OK;
}

void hg_throttle_succeed(struct hg_throttle *throttle, const char *key)
{
    HG_LOCK(&throttle->mutex);
    struct entry *entry = find(bucket_of(throttle, key), key);
    if (entry) {
        entry->failures = 0;
    }
}

void hg_throttle_undo(struct hg_throttle *throttle, const char *key)
{
    HG_LOCK(&throttle->mutex);
    struct entry *entry = find(bucket_of(throttle, key), key);
    if (entry) {
        entry->failures--;
        entry->blocked_until_ms = 0;
    }
}
