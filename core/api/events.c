#include "api/events.h"

#include <stdio.h>
#include <string.h>

#include "api/context.h"
#include "base/uuid.h"
#include "http/socket_accept.h"

/*
 * Log lines quote cells of rejected rows, so they are for those who may read rows, and alerts for
 * those who may read the log of alerts. A viewer who asks for all topics gets the others; one who
 * asks for nothing else is refused.
 */
static const uint32_t for_scientists = HG_TOPIC_BIT(HG_TOPIC_LOGS) | HG_TOPIC_BIT(HG_TOPIC_ALERTS);

static int refuse(const struct hg_http_request *request, uint32_t asked, struct hg_error *err)
{
    enum hg_topic topic = asked & HG_TOPIC_BIT(HG_TOPIC_LOGS) ? HG_TOPIC_LOGS : HG_TOPIC_ALERTS;
    (void)hg_error_set(err,
                       HG_EFORBIDDEN,
                       "your role %s does not allow the topic \"%s\"; it needs %s",
                       hg_role_name(request->principal.role),
                       hg_topic_name(topic),
                       hg_role_name(HG_ROLE_DATA_SCIENTIST));
    return hg_error_hint(err, "Ask an admin to change your role.");
}

static int check_topics(const struct hg_http_request *request,
                        uint32_t *topics,
                        struct hg_error *err)
{
    if (hg_role_allows(request->principal.role, HG_ROLE_DATA_SCIENTIST)) {
        return HG_OK;
    }
    uint32_t asked = *topics;
    *topics &= ~for_scientists;
    return *topics == 0 ? refuse(request, asked, err) : HG_OK;
}

static int read_filter(struct hg_http_request *request,
                       struct hg_events_filter *ret,
                       struct hg_error *err)
{
    const char *run_id = hg_http_query(request, "run_id");
    *ret = (struct hg_events_filter){0};
    int r = hg_topics_parse(hg_http_query(request, "topics"), &ret->topics, err);
    if (r < 0) {
        request->problem_status = 400;
        return r;
    }
    if (run_id && !hg_uuid_is_valid(run_id)) {
        return hg_http_bad_request(request, err, "run_id is \"%.64s\", which is no UUID", run_id);
    }
    if (run_id) {
        (void)snprintf(ret->run_id, sizeof ret->run_id, "%s", run_id);
    }
    return check_topics(request, &ret->topics, err);
}

int hg_api_events(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_events_filter filter;
    int r = read_filter(request, &filter, err);
    return r < 0 ? r
                 : hg_http_accept_socket(
                       request, &filter, hg_http_query(request, "last_event_id"), err);
}
