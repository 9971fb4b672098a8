/*
 * Rejected rows on their way to headgate.quarantine.
 *
 * They commit with the rows that passed, in one transaction, on the one connection that a COPY of
 * those occupies; so they wait, already encoded, in memory and then in a temporary file, and are
 * copied when the data is through. All are counted, the first ones are kept, as many as the task's
 * `quarantine_rows` says, and the first few of each job go to its log.
 */
#ifndef HG_FLOW_QUARANTINE_H
#define HG_FLOW_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct hg_flow;
struct hg_quarantine;

/* Rows told in a job's log. */
enum { HG_QUARANTINE_LOG_ROWS = 20 };

/* Borrowed until hg_quarantine_add returns. */
struct hg_rejected {
    size_t job;           /* index of the job that rejects it */
    const char *position; /* in the source, or NULL */
    const char *reasons;  /* JSON: [{"rule", "column", "message"}] */
    const char *message;  /* the first reason, for the log */
    const char *row;      /* JSON object, or NULL */
    const char *raw;      /* the row as found, or NULL; cut to 8 KiB, made valid text */
    size_t raw_n;
};

int hg_quarantine_new(struct hg_flow *flow, struct hg_quarantine **ret, struct hg_error *err);
void hg_quarantine_free(struct hg_quarantine *quarantine);
/*
 * Counts a row of that job when neither quarantine nor log takes any more of its rows: nobody will
 * read its words, so they need not be made. False, and nothing counted: give it to
 * hg_quarantine_add.
 */
bool hg_quarantine_only_counts(struct hg_quarantine *quarantine, size_t job);
/* Counts the row for its job and keeps it. */
int hg_quarantine_add(struct hg_quarantine *quarantine,
                      const struct hg_rejected *row,
                      struct hg_error *err);
/* Copies the rows kept since the last time into the table, in the flow's transaction. */
int hg_quarantine_copy(struct hg_quarantine *quarantine, struct hg_error *err);
/* Says at the end of each job's log how many there were, and with the run when not all are kept. */
void hg_quarantine_log_totals(const struct hg_quarantine *quarantine);

#endif
