#include "base/patience.h"

#include "base/time.h"

enum { PAUSE_MS = 200 };

bool hg_patience_lasts(struct hg_patience *patience, int r, const struct hg_error *err)
{
    int64_t now = hg_time_monotonic_ms();
    if (r != HG_EUNAVAILABLE && !(r < 0 && err && err->retryable)) {
        patience->since_ms = 0;
        return false;
    }
    patience->since_ms = patience->since_ms ? patience->since_ms : now;
    if (now - patience->since_ms >= patience->limit_ms) {
        return false;
    }
    hg_time_pause_ms(PAUSE_MS);
    return true;
}
