#include "base/metrics.h"

#include <math.h>
#include <string.h>

void hg_metrics_family(struct hg_buf *buf, const struct hg_metric *metric)
{
    hg_buf_printf(buf,
                  "# HELP %s %s\n# TYPE %s %s\n",
                  metric->name,
                  metric->help,
                  metric->name,
                  metric->type);
}

static void put_escaped(struct hg_buf *buf, const char *value)
{
    for (const char *at = value ? value : ""; *at; at++) {
        if (*at == '\n') {
            hg_buf_puts(buf, "\\n");
            continue;
        }
        if (*at == '"' || *at == '\\') {
            hg_buf_putc(buf, '\\');
        }
        hg_buf_putc(buf, *at);
    }
}

/* Counts as whole numbers, however large, and what is none with all its digits. */
static void put_value(struct hg_buf *buf, double value)
{
    if (fabs(value) < 1e15 && value == floor(value)) {
        hg_buf_printf(buf, " %.0f\n", value);
    } else {
        hg_buf_printf(buf, " %.17g\n", value);
    }
}

void hg_metrics_sample(struct hg_buf *buf,
                       const struct hg_metric *metric,
                       const char *suffix,
                       const struct hg_metric_label *labels,
                       size_t n,
                       double value)
{
    hg_buf_printf(buf, "%s%s", metric->name, suffix);
    for (size_t i = 0; i < n; i++) {
        hg_buf_printf(buf, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        put_escaped(buf, labels[i].value);
        hg_buf_putc(buf, '"');
    }
    if (n > 0) {
        hg_buf_putc(buf, '}');
    }
    put_value(buf, value);
}

void hg_metrics_single(struct hg_buf *buf, const struct hg_metric *metric, double value)
{
    hg_metrics_family(buf, metric);
    hg_metrics_sample(buf, metric, "", NULL, 0, value);
}
