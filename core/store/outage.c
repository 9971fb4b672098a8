#include "store/outage.h"

#include "base/log.h"
#include "base/time.h"

enum { TELL_AFTER_MS = 5000 };

bool hg_outage_passes(int code, const struct hg_error *err)
{
    return code == HG_EUNAVAILABLE || code == HG_ENOMEM || err->retryable;
}

void hg_outage_note(struct hg_outage *outage, int r, const char *what, const struct hg_error *err)
{
    int64_t now = hg_time_monotonic_ms();
    if (r == HG_OK && outage->told) {
        hg_log(HG_LOG_INFO, "the database answers again", NULL);
    }
    if (r == HG_OK) {
        *outage = (struct hg_outage){0};
        return;
    }
    outage->since_ms = outage->since_ms ? outage->since_ms : now;
    bool is_long = now - outage->since_ms >= TELL_AFTER_MS;
    if (!outage->told && (is_long || !hg_outage_passes(r, err))) {
        hg_log_error(what, err);
        outage->told = true;
    }
}
