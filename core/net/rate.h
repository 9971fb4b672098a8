/*
 * How often something may be called: at most n times in any window of a length, for several windows
 * at once, and not before a time that the other side has named. By key, in memory, [any] thread.
 *
 * A window is counted in 60 parts, whole parts at a time: what is let through never exceeds n in
 * any window, and what is refused may have to wait for a 60th of it longer than it strictly must.
 */
#ifndef HG_NET_RATE_H
#define HG_NET_RATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "headgate/plugin.h"

enum { HG_RATE_WINDOWS_MAX = 4 };

/* 5 in a minute: {5, 60000}. */
struct hg_rate_limit {
    int64_t n;
    int64_t window_ms; /* at least 60 */
};

struct hg_rates;

int hg_rates_new(struct hg_rates **ret, struct hg_error *err);
/* NULL is fine. */
void hg_rates_free(struct hg_rates *rates);
HG_DEFINE_CLEANUP(hg_rates_freep, struct hg_rates *, hg_rates_free)

/*
 * Takes one call of `key`, of all its windows or of none. *ret_wait_ms is 0 when it is taken, else
 * after how long to ask again. The limits of a key may change from call to call; what was counted
 * under a window of the same length stays. `now_ms` is monotonic. HG_EINVAL for limits that cannot
 * be, HG_ENOMEM.
 */
int hg_rates_take(struct hg_rates *rates,
                  const char *key,
                  const struct hg_rate_limit *limits,
                  size_t n_limits,
                  int64_t now_ms,
                  int64_t *ret_wait_ms,
                  struct hg_error *err);

/* None of `key` is taken before `until_ms`, monotonic: what Retry-After said. Never shortened. */
int hg_rates_hold(struct hg_rates *rates, const char *key, int64_t until_ms, struct hg_error *err);

#endif
