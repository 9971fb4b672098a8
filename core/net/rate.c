#include "net/rate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { PARTS = 60, SWEEP_AT = 256 };

/* What was let through, by the part of time it was in. */
struct window {
    int64_t length_ms;         /* 0: none */
    int64_t newest;            /* the part that was counted last */
    int64_t counts[PARTS + 1]; /* this part and those before, see count_of */
};

struct entry {
    struct entry *next;
    int64_t hold_until_ms;
    struct window windows[HG_RATE_WINDOWS_MAX];
    char key[];
};

struct hg_rates {
    pthread_mutex_t mutex;
    struct entry *entries; /* one for each credential in use */
    size_t n_entries;
    size_t sweep_at;
};

int hg_rates_new(struct hg_rates **ret, struct hg_error *err)
{
    struct hg_rates *rates = calloc(1, sizeof *rates);
    if (!rates) {
        return hg_error_nomem(err);
    }
    rates->sweep_at = SWEEP_AT;
    (void)pthread_mutex_init(&rates->mutex, NULL);
    *ret = rates;
    return HG_OK;
}

void hg_rates_free(struct hg_rates *rates)
{
    if (!rates) {
        return;
    }
    while (rates->entries) {
        struct entry *next = rates->entries->next;
        free(rates->entries);
        rates->entries = next;
    }
    (void)pthread_mutex_destroy(&rates->mutex);
    free(rates);
}

/* ---- windows ---- */

/* Rounded up: PARTS whole ones are no shorter than the window. */
static int64_t part_ms(const struct window *window)
{
    return (window->length_ms + PARTS - 1) / PARTS;
}

static int64_t *count_of(struct window *window, int64_t part)
{
    return &window->counts[(part % (PARTS + 1) + PARTS + 1) % (PARTS + 1)];
}

/* Forgets the parts that have left the window by now. */
static void move_on(struct window *window, int64_t now_ms)
{
    int64_t part = now_ms / part_ms(window);
    int64_t first_new = window->newest + 1;
    if (part - first_new > PARTS) {
        first_new = part - PARTS;
    }
    for (int64_t i = first_new; i <= part; i++) {
        *count_of(window, i) = 0;
    }
    window->newest = part > window->newest ? part : window->newest;
}

static int64_t taken(const struct window *window)
{
    int64_t sum = 0;
    for (size_t i = 0; i < PARTS + 1; i++) {
        sum += window->counts[i];
    }
    return sum;
}

/* How long until one more fits: until enough of the oldest parts have left. */
static int64_t wait_ms(struct window *window, int64_t n, int64_t now_ms)
{
    int64_t sum = taken(window);
    for (int64_t part = window->newest - PARTS; part <= window->newest && sum >= n; part++) {
        sum -= *count_of(window, part);
        if (sum < n) {
            return (part + PARTS + 1) * part_ms(window) - now_ms;
        }
    }
    return 0;
}

/* That of this length, or one made of a free place, or of one that no limit names any more. */
static struct window *window_of(struct entry *entry,
                                const struct hg_rate_limit *limits,
                                size_t n,
                                size_t i)
{
    struct window *spare = NULL;
    for (size_t k = 0; k < HG_RATE_WINDOWS_MAX; k++) {
        struct window *window = &entry->windows[k];
        bool is_named = false;
        for (size_t m = 0; m < n; m++) {
            is_named = is_named || limits[m].window_ms == window->length_ms;
        }
        if (window->length_ms == limits[i].window_ms) {
            return window;
        }
        spare = is_named ? spare : window;
    }
    *spare = (struct window){.length_ms = limits[i].window_ms};
    return spare;
}

/* ---- keys ---- */

static bool is_idle(struct entry *entry, int64_t now_ms)
{
    for (size_t i = 0; i < HG_RATE_WINDOWS_MAX; i++) {
        struct window *window = &entry->windows[i];
        if (window->length_ms > 0) {
            move_on(window, now_ms);
            if (taken(window) > 0) {
                return false;
            }
        }
    }
    return entry->hold_until_ms <= now_ms;
}

/* Those of credentials that are gone; seldom, so that it costs nothing. */
static void sweep(struct hg_rates *rates, int64_t now_ms)
{
    for (struct entry **at = &rates->entries; *at;) {
        struct entry *entry = *at;
        if (is_idle(entry, now_ms)) {
            *at = entry->next;
            free(entry);
            rates->n_entries--;
        } else {
            at = &entry->next;
        }
    }
    rates->sweep_at = rates->n_entries * 2 > SWEEP_AT ? rates->n_entries * 2 : SWEEP_AT;
}

static int entry_of(struct hg_rates *rates,
                    const char *key,
                    struct entry **ret,
                    struct hg_error *err)
{
    for (struct entry *entry = rates->entries; entry; entry = entry->next) {
        if (strcmp(entry->key, key) == 0) {
            *ret = entry;
            return HG_OK;
        }
    }
    size_t n = strlen(key) + 1;
    struct entry *entry = calloc(1, sizeof *entry + n);
    if (!entry) {
        return hg_error_nomem(err);
    }
    memcpy(entry->key, key, n);
    entry->next = rates->entries;
    rates->entries = entry;
    rates->n_entries++;
    *ret = entry;
    return HG_OK;
}

static int check(const struct hg_rate_limit *limits, size_t n, struct hg_error *err)
{
    bool fits = n <= HG_RATE_WINDOWS_MAX;
    for (size_t i = 0; fits && i < n; i++) {
        fits = limits[i].n > 0 && limits[i].window_ms >= PARTS;
        for (size_t k = 0; k < i; k++) {
            fits = fits && limits[k].window_ms != limits[i].window_ms;
        }
    }
    return fits ? HG_OK
                : hg_error_set(err,
                               HG_EINVAL,
                               "limits of a rate are at most %d, each of another length, of %d ms "
                               "at least, and of one call at least",
                               (int)HG_RATE_WINDOWS_MAX,
                               (int)PARTS);
}

int hg_rates_take(struct hg_rates *rates,
                  const char *key,
                  const struct hg_rate_limit *limits,
                  size_t n_limits,
                  int64_t now_ms,
                  int64_t *ret_wait_ms,
                  struct hg_error *err)
{
    struct window *windows[HG_RATE_WINDOWS_MAX];
    struct entry *entry;
    int r = check(limits, n_limits, err);
    if (r < 0) {
        return r;
    }
    HG_LOCK(&rates->mutex);
    if (rates->n_entries >= rates->sweep_at) {
        sweep(rates, now_ms);
    }
    r = entry_of(rates, key, &entry, err);
    if (r < 0) {
        return r;
    }
    int64_t longest = entry->hold_until_ms > now_ms ? entry->hold_until_ms - now_ms : 0;
    for (size_t i = 0; i < n_limits; i++) {
        windows[i] = window_of(entry, limits, n_limits, i);
        move_on(windows[i], now_ms);
        int64_t wait = wait_ms(windows[i], limits[i].n, now_ms);
        longest = wait > longest ? wait : longest;
    }
    for (size_t i = 0; longest == 0 && i < n_limits; i++) {
        (*count_of(windows[i], windows[i]->newest))++;
    }
    *ret_wait_ms = longest;
    return HG_OK;
}

int hg_rates_hold(struct hg_rates *rates, const char *key, int64_t until_ms, struct hg_error *err)
{
    struct entry *entry;
    HG_LOCK(&rates->mutex);
    int r = entry_of(rates, key, &entry, err);
    if (r == HG_OK && until_ms > entry->hold_until_ms) {
        entry->hold_until_ms = until_ms;
    }
    return r;
}
