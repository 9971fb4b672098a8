/*
 * The rules of a flow: every rule sees every batch, while it is in the cache.
 *
 * A rule with on_fail `warn` only counts; with `reject` the rows that it fails go to quarantine
 * with the words of all rejecting rules that failed them; with `stop` the first failure ends the
 * flow. Rules do not see each other: one that follows sees also the rows that others rejected.
 */
#ifndef HG_FLOW_CHECKS_H
#define HG_FLOW_CHECKS_H

#include "flow/columns.h"
#include "flow/context.h"

struct hg_checks;

/*
 * Prepares the rules of the task's checks for that schema. With `can_reject` false (a stored table
 * is checked) rows that fail a rejecting rule are counted only. *ret is owned by the caller.
 */
int hg_checks_new(struct hg_flow *flow,
                  const struct hg_flow_schema *schema,
                  bool can_reject,
                  struct hg_checks **ret,
                  struct hg_error *err);
void hg_checks_free(struct hg_checks *checks);

/* Whether a rule that rejects rows, or stops, may do so for rows that came long before. */
bool hg_checks_judge_late(const struct hg_checks *checks);

/*
 * Shows a batch to all rules. ret_rows (room for n_rows) gets the rows that go on, in order, and
 * *ret_n how many; the others are in quarantine or wait for a verdict. HG_ESTOP when a rule with
 * `stop` failed.
 */
int hg_checks_batch(struct hg_checks *checks,
                    const struct hg_flow_batch *batch,
                    int32_t *ret_rows,
                    int64_t *ret_n,
                    struct hg_error *err);

/*
 * Whether rows wait for a verdict. They go on only after the last batch, behind rows that come
 * after them in the stream.
 */
bool hg_checks_waiting(const struct hg_checks *checks);

/* Takes rows that were decided late. `batch` and `rows` are borrowed until it returns. */
typedef int hg_checks_pass(void *arg,
                           const struct hg_flow_batch *batch,
                           const int32_t *rows,
                           int64_t n,
                           struct hg_error *err);

/* After the last batch: late verdicts, whose good rows go to `pass`, then each rule's last word. */
int hg_checks_finish(struct hg_checks *checks,
                     hg_checks_pass *pass,
                     void *arg,
                     struct hg_error *err);
/* Appends each rule's figures, as far as they go, to the flow's results. */
int hg_checks_report(const struct hg_checks *checks, struct hg_error *err);

#endif
