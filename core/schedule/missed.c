#include "schedule/missed.h"

#include <string.h>

#include "base/mem.h"

/* Nobody needs to know of more. */
#define LOOKS_BACK_US (INT64_C(3660) * 86400 * 1000000)

static const char *const policies[] = {"none", "last", "all"};

bool hg_missed_policy_of(const char *name, enum hg_missed_policy *ret)
{
    for (size_t i = 0; name && i < HG_COUNT(policies); i++) {
        if (strcmp(policies[i], name) == 0) {
            *ret = (enum hg_missed_policy)i;
            return true;
        }
    }
    return false;
}

/* The missed ones that were seen last, in a ring. */
struct seen {
    int64_t n;
    int64_t first_us;
    int64_t last_us[HG_MISSED_LIMIT_MAX + 1];
};

static void see(struct seen *seen, int64_t at_us)
{
    if (seen->n == 0) {
        seen->first_us = at_us;
    }
    seen->last_us[seen->n++ % (HG_MISSED_LIMIT_MAX + 1)] = at_us;
}

/* The one that was seen as the `index`th; only for the last ones. */
static int64_t seen_at(const struct seen *seen, int64_t index)
{
    return seen->last_us[index % (HG_MISSED_LIMIT_MAX + 1)];
}

/* How many of the last ones are to run late. */
static int count_make_up(const struct seen *seen,
                         const struct hg_missed_rule *rule,
                         bool has_on_time,
                         int64_t now_us)
{
    int limit = rule->policy == HG_MISSED_ALL    ? rule->limit
                : rule->policy == HG_MISSED_LAST ? !has_on_time
                                                 : 0;
    limit = limit > HG_MISSED_LIMIT_MAX ? HG_MISSED_LIMIT_MAX : limit;
    int n = 0;
    while (n < limit && n < seen->n && seen_at(seen, seen->n - 1 - n) >= now_us - rule->window_us) {
        n++;
    }
    return n;
}

void hg_missed_find(const struct hg_schedule *schedule,
                    const struct hg_zone *zone,
                    int64_t due_us,
                    int64_t now_us,
                    const struct hg_missed_rule *rule,
                    bool corrected,
                    struct hg_missed *ret)
{
    struct seen seen = {0};
    int64_t at_us = due_us > now_us - LOOKS_BACK_US ? due_us : now_us - LOOKS_BACK_US;
    ret->on_time_us = HG_MISSED_NEVER;
    while (at_us <= now_us) {
        int64_t this_us = at_us;
        if (hg_schedule_next(schedule, zone, this_us, &at_us) < 0) {
            at_us = HG_MISSED_NEVER;
        }
        if (at_us > now_us && now_us - this_us <= HG_MISSED_LATE_US) {
            ret->on_time_us = this_us;
        } else {
            see(&seen, this_us);
        }
    }
    ret->next_us = at_us;
    ret->n_make_up =
        corrected ? 0 : count_make_up(&seen, rule, ret->on_time_us != HG_MISSED_NEVER, now_us);
    ret->n_dropped = seen.n - ret->n_make_up;
    ret->first_dropped_us = seen.first_us;
    ret->last_dropped_us = ret->n_dropped > 0 ? seen_at(&seen, ret->n_dropped - 1) : 0;
    for (int i = 0; i < ret->n_make_up; i++) {
        ret->make_up_us[i] = seen_at(&seen, ret->n_dropped + i);
    }
}
