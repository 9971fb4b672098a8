/*
 * What a task offers to an instance of a plugin: the host's services, and for a source also
 * headgate.reject/1 and headgate.state/1.
 */
#ifndef HG_FLOW_SERVICES_H
#define HG_FLOW_SERVICES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "flow/context.h"
#include "plugin/host_services.h"

/* One for each instance; must not move while the instance lives. */
struct hg_service {
    struct hg_flow *flow;
    size_t job;
    struct hg_host_services *services;
};

/* hg_service_close is needed after a failure too, once the instance is closed. */
int hg_service_open(struct hg_service *service,
                    struct hg_flow *flow,
                    size_t job,
                    bool source,
                    struct hg_error *err);
const struct hg_host *hg_service_host(const struct hg_service *service);
void hg_service_close(struct hg_service *service);

#endif
