#include "api/audit.h"

#include <string.h>

#include "api/context.h"
#include "auth/audit.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/router.h"

/* What writes the row of a change that was made names it itself, in its transaction. */
static const struct {
    const char *operation;
    const char *action;
} actions[] = {
    {"log_in", "session.begin"},
    {"log_out", "session.end"},
    {"end_session", "session.end"},
    {"end_other_sessions", "session.end_others"},
    {"change_password", "user.change_password"},
    {"create_token", "token.create"},
    {"delete_token", "token.delete"},
    {"create_user", "user.create"},
    {"update_user", "user.update"},
    {"delete_user", "user.delete"},
    {"trigger_pipeline", "pipeline.trigger"},
    {"update_pipeline_config", "pipeline.update"},
    {"reset_pipeline_config", "pipeline.reset"},
    {"backfill_pipeline", "backfill.create"},
    {"cancel_backfill", "backfill.cancel"},
    {"cancel_run", "run.cancel"},
    {"retry_run", "run.retry"},
    {"create_alert_channel", "alert_channel.create"},
    {"update_alert_channel", "alert_channel.update"},
    {"delete_alert_channel", "alert_channel.delete"},
    {"test_alert_channel", "alert_channel.test"},
};

const char *hg_api_audit_action(const char *operation)
{
    for (size_t i = 0; i < HG_COUNT(actions); i++) {
        if (strcmp(actions[i].operation, operation) == 0) {
            return actions[i].action;
        }
    }
    return NULL;
}

/* The innermost thing that the address names: the run, not its pipeline. NULL: it names none. */
static const char *thing_of(const struct hg_http_request *request)
{
    size_t n = 0;
    for (const char *at = request->route->pattern; *at; at++) {
        n += *at == '{';
    }
    return n > 0 ? hg_http_param(request, n - 1) : NULL;
}

void hg_api_refused(struct hg_http_request *request)
{
    struct hg_error err = HG_ERROR_INIT;
    const char *action = hg_api_audit_action(request->route->operation);
    int r = hg_audit_denied(hg_api_of(request)->auth,
                            &request->principal,
                            action ? action : request->route->operation,
                            thing_of(request),
                            &err);
    if (r < 0) {
        hg_log(HG_LOG_WARNING,
               "a refusal is missing from the audit log",
               "request_id",
               request->id,
               "error",
               err.message,
               NULL);
    }
}

int hg_api_audit_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    if (r < 0) {
        return r;
    }
    const struct hg_audit_query query = {
        .actor = hg_http_query(request, "actor"),
        .action = hg_http_query(request, "action"),
        .page = page,
    };
    r = hg_audit_list(hg_api_of(request)->auth, &query, &answer, err);
    return hg_api_answer(request, r, answer, err);
}
