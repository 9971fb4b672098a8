#include "flow/services.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/quarantine.h"
#include "flow/text.h"

static struct hg_service *service_of(const struct hg_host *host)
{
    return hg_host_services_arg(host);
}

static void service_log(void *arg, int level, const char *text)
{
    const struct hg_service *service = arg;
    if (level == HG_LOG_WARNING) {
        hg_flow_warn(service->flow, service->job, "%s", text);
    } else {
        hg_flow_log(service->flow, service->job, level, "%s", text);
    }
}

static bool service_is_cancelled(void *arg)
{
    const struct hg_service *service = arg;
    return hg_flow_cancelled(service->flow, NULL) < 0;
}

/* ---- headgate.reject/1 ---- */

static hg_status reject(const struct hg_host *host,
                        const struct hg_reject_row *row,
                        struct hg_error *err)
{
    struct hg_service *service = service_of(host);
    struct hg_flow_job *job = &service->flow->jobs[service->job];
    const char *reason = row->reason ? row->reason : "the source rejects it";
    struct hg_buf reasons = HG_BUF_INIT;
    struct hg_buf message = HG_BUF_INIT;
    if (hg_quarantine_only_counts(service->flow->quarantine, service->job)) {
        job->rows_in++;
        return HG_OK;
    }
    hg_buf_putc(&reasons, '[');
    hg_reason_append(&reasons, NULL, row->column, reason);
    hg_buf_putc(&reasons, ']');
    hg_buf_printf(
        &message, "%s%s%s", row->column ? row->column : "", row->column ? ": " : "", reason);
    const struct hg_rejected rejected = {.job = service->job,
                                         .position = row->position,
                                         .reasons = hg_buf_text(&reasons),
                                         .message = hg_buf_text(&message),
                                         .raw = row->raw,
                                         .raw_n = row->raw_size};
    int r = hg_buf_failed(&reasons) || hg_buf_failed(&message)
                ? hg_error_nomem(err)
                : hg_quarantine_add(service->flow->quarantine, &rejected, err);
    job->rows_in += r == HG_OK;
    hg_buf_free(&reasons);
    hg_buf_free(&message);
    return r;
}

static const struct hg_reject reject_extension = {sizeof reject_extension, reject};

/* ---- headgate.state/1 ---- */

static hg_status put_state(const struct hg_host *host, const char *state_json, struct hg_error *err)
{
    struct hg_flow *flow = service_of(host)->flow;
    if (strlen(state_json) > HG_STATE_BYTES_MAX) {
        return hg_error_set(
            err, HG_ETOOBIG, "a state of more than %zu MiB", HG_STATE_BYTES_MAX >> 20);
    }
    char *copy = strdup(state_json);
    if (!copy) {
        return hg_error_nomem(err);
    }
    free(flow->state);
    flow->state = copy;
    flow->state_is_new = true;
    return HG_OK;
}

static const struct hg_state state_extension = {sizeof state_extension, put_state};

/* ---- the instance's host ---- */

/* The task's roots and the folder of the pipeline's file, which is the admin's own choice too. */
static int make_roots(const json_t *task, const char ***ret, struct hg_error *err)
{
    const json_t *list = json_object_get(task, "file_roots");
    const char *base = json_string_value(json_object_get(task, "base_folder"));
    size_t n = 0;
    const char **roots = calloc(json_array_size(list) + 2, sizeof *roots);
    if (!roots) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *root = json_string_value(json_array_get(list, i));
        if (root) {
            roots[n++] = root;
        }
    }
    roots[n] = base;
    *ret = roots;
    return HG_OK;
}

int hg_service_open(
    struct hg_service *service, struct hg_flow *flow, size_t job, bool source, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) const char **roots = NULL;
    *service = (struct hg_service){.flow = flow, .job = job};
    int r = make_roots(flow->task, &roots, err);
    if (r < 0) {
        return r;
    }
    const struct hg_host_services_options options = {
        .arg = service,
        .log = service_log,
        .is_cancelled = service_is_cancelled,
        .base_folder = json_string_value(json_object_get(flow->task, "base_folder")),
        .file_roots = roots,
    };
    r = hg_host_services_new(&options, &service->services, err);
    if (r == HG_OK && source) {
        r = hg_host_services_offer(service->services, HG_EXT_REJECT, &reject_extension, err);
        r = r < 0 ? r
                  : hg_host_services_offer(service->services, HG_EXT_STATE, &state_extension, err);
    }
    return r;
}

const struct hg_host *hg_service_host(const struct hg_service *service)
{
    return hg_host_services_host(service->services);
}

void hg_service_close(struct hg_service *service)
{
    hg_host_services_free(service->services);
    service->services = NULL;
}
