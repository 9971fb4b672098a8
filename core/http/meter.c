#include "http/meter.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"

enum {
    STATUS_MIN = 100,
    STATUS_MAX = 599,
};

/* Upper bounds; what takes longer is in none of them. */
static const int bounds_ms[] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000};

static const struct hg_metric requests = {
    "headgate_http_requests_total", "counter", "Answers by route and status."};
static const struct hg_metric durations = {"headgate_http_request_duration_seconds",
                                           "histogram",
                                           "From a request's first line to the end of its answer."};

struct row {
    atomic_ullong by_status[STATUS_MAX - STATUS_MIN + 1];
    atomic_ullong within[HG_COUNT(bounds_ms)]; /* not summed up: each answer is in one of them */
    atomic_ullong n;
    atomic_ullong sum_ms;
};

struct hg_http_meter {
    const struct hg_route *routes;
    size_t n;
    struct row rows[]; /* as many, and one for what no route took */
};

int hg_http_meter_new(const struct hg_route *routes,
                      size_t n,
                      struct hg_http_meter **ret,
                      struct hg_error *err)
{
    struct hg_http_meter *meter = calloc(1, sizeof *meter + (n + 1) * sizeof meter->rows[0]);
    if (!meter) {
        return hg_error_nomem(err);
    }
    meter->routes = routes;
    meter->n = n;
    *ret = meter;
    return HG_OK;
}

void hg_http_meter_free(struct hg_http_meter *meter)
{
    free(meter);
}

static void add(atomic_ullong *counter, unsigned long long n)
{
    (void)atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static unsigned long long read_one(const atomic_ullong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void hg_http_meter_note(struct hg_http_meter *meter,
                        const struct hg_route *route,
                        unsigned status,
                        int64_t took_ms)
{
    struct row *row = &meter->rows[route ? (size_t)(route - meter->routes) : meter->n];
    if (status < STATUS_MIN || status > STATUS_MAX) {
        return; /* the connection was gone before there was an answer */
    }
    add(&row->by_status[status - STATUS_MIN], 1);
    add(&row->n, 1);
    add(&row->sum_ms, took_ms > 0 ? (unsigned long long)took_ms : 0);
    for (size_t i = 0; i < HG_COUNT(bounds_ms); i++) {
        if (took_ms <= bounds_ms[i]) {
            add(&row->within[i], 1);
            break;
        }
    }
}

static const char *method_of(const struct hg_http_meter *meter, size_t i)
{
    return i < meter->n ? meter->routes[i].method : "";
}

static const char *route_of(const struct hg_http_meter *meter, size_t i)
{
    return i < meter->n ? meter->routes[i].pattern : "";
}

static void put_requests(const struct hg_http_meter *meter, size_t i, struct hg_buf *buf)
{
    for (int status = STATUS_MIN; status <= STATUS_MAX; status++) {
        unsigned long long n = read_one(&meter->rows[i].by_status[status - STATUS_MIN]);
        char text[16];
        const struct hg_metric_label labels[] = {
            {"method", method_of(meter, i)}, {"route", route_of(meter, i)}, {"status", text}};
        (void)snprintf(text, sizeof text, "%d", status);
        if (n > 0) {
            hg_metrics_sample(buf, &requests, "", labels, HG_COUNT(labels), (double)n);
        }
    }
}

static void put_durations(const struct hg_http_meter *meter, size_t i, struct hg_buf *buf)
{
    const struct row *row = &meter->rows[i];
    unsigned long long n = read_one(&row->n);
    unsigned long long sum = 0;
    char bound[16];
    const struct hg_metric_label labels[] = {
        {"method", method_of(meter, i)}, {"route", route_of(meter, i)}, {"le", bound}};
    if (n == 0) {
        return;
    }
    for (size_t k = 0; k < HG_COUNT(bounds_ms); k++) {
        sum += read_one(&row->within[k]);
        (void)snprintf(bound, sizeof bound, "%g", bounds_ms[k] / 1000.0);
        hg_metrics_sample(buf, &durations, "_bucket", labels, HG_COUNT(labels), (double)sum);
    }
    /* Answers may have left while this was read. */
    n = n < sum ? sum : n;
    (void)snprintf(bound, sizeof bound, "+Inf");
    hg_metrics_sample(buf, &durations, "_bucket", labels, HG_COUNT(labels), (double)n);
    hg_metrics_sample(buf, &durations, "_sum", labels, 2, (double)read_one(&row->sum_ms) / 1000);
    hg_metrics_sample(buf, &durations, "_count", labels, 2, (double)n);
}

void hg_http_meter_put(const struct hg_http_meter *meter, struct hg_buf *buf)
{
    hg_metrics_family(buf, &requests);
    for (size_t i = 0; i <= meter->n; i++) {
        put_requests(meter, i, buf);
    }
    hg_metrics_family(buf, &durations);
    for (size_t i = 0; i <= meter->n; i++) {
        put_durations(meter, i, buf);
    }
}
