/*
 * One rule of a flow: an instance of a plugin, its policy, its figures.
 */
#ifndef HG_FLOW_RULE_H
#define HG_FLOW_RULE_H

#include "flow/columns.h"
#include "flow/services.h"

enum hg_on_fail { HG_ON_FAIL_WARN = 1, HG_ON_FAIL_REJECT = 2, HG_ON_FAIL_STOP = 3 };

/* Totals of one column (-1: the whole row) over all batches. */
struct hg_rule_figure {
    int32_t column;
    int64_t evaluated;
    int64_t failed;
};

struct hg_rule {
    struct hg_flow *flow;
    const struct hg_flow_schema *schema;
    size_t job;
    const char *id; /* borrowed from the task, as are the next two */
    const char *severity;
    const char *on_fail_name;
    const json_t *columns; /* of its configuration, or NULL */
    enum hg_on_fail on_fail;
    bool stored; /* its rows are in their table already, so that there is nothing to reject */
    bool rejecting;
    const struct hg_rule_vtable *vtable;
    void *inst;
    struct hg_service service;
    struct hg_rule_results last; /* of the last call; its items are borrowed from the instance */
    struct hg_rule_figure *figures;
    size_t n_figures;
    size_t figures_room;
    int64_t n_logged;
};

/*
 * Reads an entry of a check's `rules` and prepares the plugin. `rule` must not move until
 * hg_rule_close, which is needed after a failure too.
 */
int hg_rule_open(struct hg_rule *rule,
                 struct hg_flow *flow,
                 const struct hg_flow_schema *schema,
                 size_t job,
                 const json_t *entry,
                 bool can_reject,
                 struct hg_error *err);
void hg_rule_close(struct hg_rule *rule);

/*
 * Shows a batch to the rule; rule->last holds the results, checked and added to the figures.
 * HG_ESTOP when it failed and shall stop the flow.
 */
int hg_rule_check(struct hg_rule *rule, const struct hg_flow_batch *batch, struct hg_error *err);
int hg_rule_resolve(struct hg_rule *rule, uint32_t partition, struct hg_error *err);
int hg_rule_finish(struct hg_rule *rule, struct hg_error *err);

/* Appends the reasons for which rule->last fails the row; the first is put into `first`. */
void hg_rule_reasons(struct hg_rule *rule,
                     const struct hg_flow_batch *batch,
                     int64_t row,
                     struct hg_buf *reasons,
                     char *first,
                     size_t first_size);
/* Appends an object for each figure to `results`. */
int hg_rule_report(const struct hg_rule *rule, json_t *results, struct hg_error *err);

#endif
