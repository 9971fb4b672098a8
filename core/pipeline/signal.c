#include "pipeline/signal.h"

#include "base/mem.h"
#include "pipeline/state.h"

void hg_signal_scheduler(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    service->scheduler.has_changed = true;
    (void)pthread_cond_signal(&service->scheduler.changed);
}

void hg_signal_run_changed(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    service->run_changes++;
    (void)pthread_cond_broadcast(&service->run_changed);
    if (service->scheduler.fills_lanes) {
        service->scheduler.has_changed = true;
        (void)pthread_cond_signal(&service->scheduler.changed);
    }
}

bool hg_signal_is_stopping(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    return service->stopping;
}
