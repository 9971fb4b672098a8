/*
 * Writing metrics in the text form of Prometheus, version 0.0.4.
 */
#ifndef HG_BASE_METRICS_H
#define HG_BASE_METRICS_H

#include "base/buf.h"

/* The value of the Content-Type header. */
#define HG_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One family. Names end with their unit, those of counters with _total. */
struct hg_metric {
    const char *name;
    const char *type; /* "counter", "gauge" or "histogram" */
    const char *help; /* a sentence */
};

/* HELP and TYPE; before the family's first sample. */
void hg_metrics_family(struct hg_buf *buf, const struct hg_metric *metric);
/* The same and one sample without labels. */
void hg_metrics_single(struct hg_buf *buf, const struct hg_metric *metric, double value);

struct hg_metric_label {
    const char *name;
    const char *value; /* any text; it is escaped */
};
/* A sample: `suffix` ("", "_bucket", ...) behind the family's name, `n` labels. */
void hg_metrics_sample(struct hg_buf *buf,
                       const struct hg_metric *metric,
                       const char *suffix,
                       const struct hg_metric_label *labels,
                       size_t n,
                       double value);

#endif
