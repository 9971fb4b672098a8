#include "base/mem.h"
#include "pipeline/internal.h"

void hg_signal_dispatcher(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    service->poked = true;
    (void)pthread_cond_signal(&service->work);
}

void hg_signal_keeper(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    service->cancels_due = true;
    (void)pthread_cond_signal(&service->cancels);
}

void hg_signal_scheduler(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    service->schedules_changed = true;
    (void)pthread_cond_signal(&service->schedule);
}

void hg_signal_run_changed(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    service->run_changes++;
    (void)pthread_cond_broadcast(&service->run_changed);
}

bool hg_signal_is_stopping(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    return service->stopping;
}
