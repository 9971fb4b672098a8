#include "api/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "alerts/alerts.h"
#include "api/auth.h"
#include "api/context.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "store/activity.h"
#include "vault/vault.h"

enum { PROBE_MS = 1000 };

static const struct hg_metric build = {
    "headgate_build_info", "gauge", "1, with the version as a label."};
static const struct hg_metric started = {
    "process_start_time_seconds", "gauge", "When the host began to serve, in Unix time."};
static const struct hg_metric cpu = {
    "process_cpu_seconds_total", "counter", "CPU time of the host, without workers."};
static const struct hg_metric resident = {
    "process_resident_memory_bytes", "gauge", "Memory of the host, without workers."};
static const struct hg_metric descriptors = {
    "process_open_fds", "gauge", "Open file descriptors of the host."};
static const struct hg_metric database_up = {
    "headgate_database_up", "gauge", "1 where the database answers."};
static const struct hg_metric oldest = {
    "headgate_database_oldest_transaction_seconds",
    "gauge",
    "For how long the oldest transaction has been open; it holds back cleaning."};

static double resident_bytes(void)
{
    char line[128];
    HG_CLEANUP(hg_fclosep) FILE *file = fopen("/proc/self/statm", "re");
    if (!file || !fgets(line, sizeof line, file)) {
        return 0;
    }
    /* The second number, in pages. */
    return strtod(line + strcspn(line, " "), NULL) * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) {
        return 0;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    return n - 1; /* that of the folder itself */
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void put_process(const struct hg_api *api, struct hg_buf *buf)
{
    struct rusage usage;
    const struct hg_metric_label version = {"version", api->options.version};
    hg_metrics_family(buf, &build);
    hg_metrics_sample(buf, &build, "", &version, 1, 1);
    hg_metrics_single(buf, &started, (double)api->started_us / 1e6);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        hg_metrics_single(buf, &cpu, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    }
    hg_metrics_single(buf, &resident, resident_bytes());
    hg_metrics_single(buf, &descriptors, open_descriptors());
}

static void put_databases(const struct hg_api *api, struct hg_buf *buf)
{
    const struct {
        const char *name;
        struct hg_pool *pool;
    } databases[] = {{"metadata", api->options.metadata}, {"warehouse", api->options.warehouse}};
    int64_t age_s[HG_COUNT(databases)] = {0};
    bool up[HG_COUNT(databases)] = {false};
    hg_metrics_family(buf, &database_up);
    for (size_t i = 0; i < HG_COUNT(databases); i++) {
        const struct hg_metric_label label = {"database", databases[i].name};
        up[i] = databases[i].pool && hg_store_oldest_transaction_s(
                                         databases[i].pool, PROBE_MS, &age_s[i], NULL) == HG_OK;
        hg_metrics_sample(buf, &database_up, "", &label, 1, up[i]);
    }
    hg_metrics_family(buf, &oldest);
    for (size_t i = 0; i < HG_COUNT(databases); i++) {
        const struct hg_metric_label label = {"database", databases[i].name};
        if (up[i]) {
            hg_metrics_sample(buf, &oldest, "", &label, 1, (double)age_s[i]);
        }
    }
}

/* Behind a proxy on this machine everybody comes from it, and the proxy says for whom it asks. */
static bool is_from_here(const struct hg_http_request *request)
{
    static const char *const of_proxies[] = {"Forwarded", "X-Forwarded-For", "Via", "X-Real-IP"};
    const char *address = request->remote_address;
    for (size_t i = 0; i < HG_COUNT(of_proxies); i++) {
        if (hg_http_header(request, of_proxies[i])) {
            return false;
        }
    }
    return hg_starts_with(address, "127.") || strcmp(address, "::1") == 0 ||
           hg_starts_with(address, "::ffff:127.");
}

int hg_api_metrics(struct hg_http_request *request, struct hg_error *err)
{
    const struct hg_api *api = hg_api_of(request);
    HG_CLEANUP(hg_buf_free) struct hg_buf buf = HG_BUF_INIT;
    int r = is_from_here(request) ? HG_OK : hg_api_authenticate(request, err);
    if (r < 0) {
        return r;
    }
    put_process(api, &buf);
    hg_http_put_metrics(api->server, &buf);
    hg_pipelines_put_metrics(api->options.pipelines, &buf);
    hg_alerts_put_metrics(api->options.alerts, &buf);
    if (api->options.vault) {
        hg_vault_put_metrics(api->options.vault, &buf);
    }
    put_databases(api, &buf);
    if (hg_buf_failed(&buf)) {
        return hg_error_nomem(err);
    }
    return hg_http_answer_text(request, 200, HG_METRICS_CONTENT_TYPE, hg_buf_text(&buf), err);
}
