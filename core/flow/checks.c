#include "flow/checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/aside.h"
#include "flow/quarantine.h"
#include "flow/rows.h"
#include "flow/rule.h"

enum { MESSAGE_BYTES = 512 };

struct hg_checks {
    struct hg_flow *flow;
    const struct hg_flow_schema *schema;
    size_t first_job; /* index of the first check */
    size_t n_jobs;
    struct hg_rule *rules; /* in the order of their jobs */
    size_t n_rules;
    struct hg_aside *aside;
    bool waiting;      /* there are rows in it */
    uint8_t *rejected; /* a bit for each row of the batch at hand */
    uint8_t *undecided;
    size_t bits_bytes;
    struct hg_buf reasons;
    struct hg_buf row;
    struct hg_buf position;
    int32_t *late_rows; /* for hg_checks_finish */
};

static size_t count_rules(const json_t *checks)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(checks); i++) {
        n += json_array_size(json_object_get(json_array_get(checks, i), "rules"));
    }
    return n;
}

static int open_rules(struct hg_checks *checks,
                      const json_t *list,
                      bool can_reject,
                      struct hg_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *check = json_array_get(list, i);
        const json_t *rules = json_object_get(check, "rules");
        size_t job = hg_flow_job(checks->flow, json_string_value(json_object_get(check, "job")));
        checks->first_job = i == 0 ? job : checks->first_job;
        hg_flow_at_work(checks->flow, job);
        for (size_t k = 0; k < json_array_size(rules); k++) {
            int r = hg_rule_open(&checks->rules[checks->n_rules++],
                                 checks->flow,
                                 checks->schema,
                                 job,
                                 json_array_get(rules, k),
                                 can_reject,
                                 err);
            if (r < 0) {
                return r;
            }
        }
    }
    return HG_OK;
}

int hg_checks_new(struct hg_flow *flow,
                  const struct hg_flow_schema *schema,
                  bool can_reject,
                  struct hg_checks **ret,
                  struct hg_error *err)
{
    const json_t *list = json_object_get(flow->task, "checks");
    size_t n_rules = count_rules(list);
    struct hg_checks *checks = calloc(1, sizeof *checks);
    if (!checks) {
        return hg_error_nomem(err);
    }
    checks->flow = flow;
    checks->schema = schema;
    checks->n_jobs = json_array_size(list);
    checks->rules = calloc(n_rules ? n_rules : 1, sizeof *checks->rules);
    int r =
        checks->rules ? hg_aside_new(schema, n_rules, &checks->aside, err) : hg_error_nomem(err);
    r = r < 0 ? r : open_rules(checks, list, can_reject, err);
    if (r < 0) {
        hg_checks_free(checks);
        return r;
    }
    *ret = checks;
    return HG_OK;
}

void hg_checks_free(struct hg_checks *checks)
{
    if (!checks) {
        return;
    }
    for (size_t i = 0; i < checks->n_rules; i++) {
        hg_rule_close(&checks->rules[i]);
    }
    free(checks->rules);
    hg_aside_free(checks->aside);
    free(checks->rejected);
    free(checks->undecided);
    free(checks->late_rows);
    hg_buf_free(&checks->reasons);
    hg_buf_free(&checks->row);
    hg_buf_free(&checks->position);
    free(checks);
}

/* ---- bits ---- */

static int clear_bits(struct hg_checks *checks, int64_t n_rows, struct hg_error *err)
{
    size_t n = (size_t)(n_rows + 7) / 8;
    if (n > checks->bits_bytes) {
        uint8_t *rejected = realloc(checks->rejected, n);
        checks->rejected = rejected ? rejected : checks->rejected;
        uint8_t *undecided = realloc(checks->undecided, n);
        checks->undecided = undecided ? undecided : checks->undecided;
        if (!rejected || !undecided) {
            return hg_error_nomem(err);
        }
        checks->bits_bytes = n;
    }
    if (n > 0) {
        memset(checks->rejected, 0, n);
        memset(checks->undecided, 0, n);
    }
    return HG_OK;
}

static void or_bits(uint8_t *to, const uint8_t *from, int64_t n_rows)
{
    for (int64_t i = 0; from && i < (n_rows + 7) / 8; i++) {
        to[i] |= from[i];
    }
}

static int32_t good_rows(const struct hg_checks *checks, int64_t n_rows, int32_t *ret_rows)
{
    int32_t n = 0;
    for (int32_t row = 0; row < n_rows; row++) {
        uint8_t bad = checks->rejected[row >> 3] | checks->undecided[row >> 3];
        ret_rows[n] = row;
        n += !((bad >> (row & 7)) & 1);
    }
    return n;
}

/* ---- rejected rows ---- */

static bool rule_fails(const struct hg_rule *rule, int64_t row)
{
    for (uint32_t i = 0; rule->rejecting && i < rule->last.n; i++) {
        if (rule->last.items[i].failures && hg_bit(rule->last.items[i].failures, row)) {
            return true;
        }
    }
    return false;
}

/* The jobs behind the one that rejects a row never had it. */
static void not_seen_behind(struct hg_checks *checks, size_t job)
{
    for (size_t i = job + 1; i < checks->first_job + checks->n_jobs; i++) {
        checks->flow->jobs[i].rows_in--;
    }
}

/*
 * Puts a row into quarantine with the words of the rules from `first` to before `end`, one of which
 * it fails at least.
 */
static int reject_row(struct hg_checks *checks,
                      const struct hg_flow_batch *batch,
                      int64_t row,
                      size_t first,
                      size_t end,
                      struct hg_error *err)
{
    char message[MESSAGE_BYTES] = "";
    while (!rule_fails(&checks->rules[first], row)) {
        first++;
    }
    size_t job = checks->rules[first].job;
    not_seen_behind(checks, job);
    if (hg_quarantine_only_counts(checks->flow->quarantine, job)) {
        return HG_OK;
    }
    hg_buf_reset(&checks->reasons);
    hg_buf_reset(&checks->row);
    hg_buf_putc(&checks->reasons, '[');
    for (size_t i = first; i < end; i++) {
        struct hg_rule *rule = &checks->rules[i];
        if (rule_fails(rule, row)) {
            hg_rule_reasons(rule, batch, row, &checks->reasons, message, sizeof message);
        }
    }
    hg_buf_putc(&checks->reasons, ']');
    hg_row_to_json(&checks->row, batch, row);
    if (hg_buf_failed(&checks->reasons) || hg_buf_failed(&checks->row)) {
        return hg_error_nomem(err);
    }
    const struct hg_rejected rejected = {
        .job = job,
        .position = hg_row_position(&checks->position, batch, row),
        .reasons = hg_buf_text(&checks->reasons),
        .message = message,
        .row = hg_buf_text(&checks->row),
    };
    return hg_quarantine_add(checks->flow->quarantine, &rejected, err);
}

static int reject_rows(struct hg_checks *checks,
                       const struct hg_flow_batch *batch,
                       struct hg_error *err)
{
    int r = HG_OK;
    for (int64_t row = 0; r == HG_OK && row < batch->n_rows; row++) {
        if (checks->rejected[row >> 3] == 0) {
            row |= 7;
        } else if (hg_bit(checks->rejected, row)) {
            r = reject_row(checks, batch, row, 0, checks->n_rules, err);
        }
    }
    return r;
}

/* ---- undecided rows ---- */

/* The partition in which the rule's last results put the row, or -1. */
static int64_t partition_of(const struct hg_rule *rule, int64_t row)
{
    for (uint32_t i = 0; rule->rejecting && i < rule->last.n; i++) {
        const struct hg_rule_result *item = &rule->last.items[i];
        if (item->undecided && hg_bit(item->undecided, row)) {
            return item->partitions[row];
        }
    }
    return -1;
}

static int put_aside(struct hg_checks *checks,
                     const struct hg_flow_batch *batch,
                     int64_t row,
                     struct hg_error *err)
{
    struct hg_aside_row known = {
        .seq = batch->seq[row], .shared = -1, .rejected = hg_bit(checks->rejected, row)};
    size_t owner = 0;
    size_t n = 0;
    int r = HG_OK;
    checks->waiting = true;
    for (size_t i = 0; i < checks->n_rules; i++) {
        if (partition_of(&checks->rules[i], row) >= 0) {
            owner = i;
            n++;
        }
    }
    if (n > 1) {
        r = hg_aside_share(checks->aside, &known.shared, err);
    }
    for (size_t i = 0; r == HG_OK && i <= owner; i++) {
        const struct hg_rule *rule = &checks->rules[i];
        int64_t partition = partition_of(rule, row);
        if (partition < 0) {
            continue;
        }
        if (partition >= rule->vtable->n_partitions) {
            return hg_error_set(err,
                                HG_EINTERNAL,
                                "rule \"%s\" breaks the plugin interface: partition %lld of %u",
                                rule->id,
                                (long long)partition,
                                rule->vtable->n_partitions);
        }
        known.owner = i == owner;
        r = hg_aside_put(checks->aside,
                         i,
                         rule->vtable->n_partitions,
                         (uint32_t)partition,
                         &known,
                         batch,
                         row,
                         err);
    }
    return r;
}

static int put_rows_aside(struct hg_checks *checks,
                          const struct hg_flow_batch *batch,
                          struct hg_error *err)
{
    int r = HG_OK;
    for (int64_t row = 0; r == HG_OK && row < batch->n_rows; row++) {
        if (checks->undecided[row >> 3] == 0) {
            row |= 7;
        } else if (hg_bit(checks->undecided, row)) {
            r = put_aside(checks, batch, row, err);
        }
    }
    return r;
}

/* ---- a batch ---- */

static int run_rule(struct hg_checks *checks,
                    struct hg_rule *rule,
                    const struct hg_flow_batch *batch,
                    struct hg_error *err)
{
    hg_flow_at_work(checks->flow, rule->job);
    int r = hg_rule_check(rule, batch, err);
    for (uint32_t i = 0; r == HG_OK && rule->rejecting && i < rule->last.n; i++) {
        or_bits(checks->rejected, rule->last.items[i].failures, batch->n_rows);
        or_bits(checks->undecided, rule->last.items[i].undecided, batch->n_rows);
    }
    return r;
}

int hg_checks_batch(struct hg_checks *checks,
                    const struct hg_flow_batch *batch,
                    int32_t *ret_rows,
                    int64_t *ret_n,
                    struct hg_error *err)
{
    int r = clear_bits(checks, batch->n_rows, err);
    for (size_t i = 0; r == HG_OK && i < checks->n_jobs; i++) {
        checks->flow->jobs[checks->first_job + i].rows_in += batch->n_rows;
    }
    for (size_t i = 0; r == HG_OK && i < checks->n_rules; i++) {
        r = run_rule(checks, &checks->rules[i], batch, err);
    }
    r = r < 0 ? r : reject_rows(checks, batch, err);
    r = r < 0 ? r : put_rows_aside(checks, batch, err);
    if (r < 0) {
        return r;
    }
    *ret_n = good_rows(checks, batch->n_rows, ret_rows);
    return HG_OK;
}

bool hg_checks_waiting(const struct hg_checks *checks)
{
    return checks->waiting;
}

/* ---- late verdicts ---- */

static int decide_rows(struct hg_checks *checks,
                       size_t number,
                       const struct hg_flow_batch *batch,
                       const struct hg_aside_row *known,
                       int64_t *ret_n,
                       struct hg_error *err)
{
    struct hg_rule *rule = &checks->rules[number];
    int64_t n = 0;
    for (int64_t row = 0; row < batch->n_rows; row++) {
        if (partition_of(rule, row) >= 0) {
            return hg_error_set(err,
                                HG_EINTERNAL,
                                "rule \"%s\" breaks the plugin interface: still undecided after"
                                " resolve",
                                rule->id);
        }
        bool was_rejected = hg_aside_is_rejected(checks->aside, &known[row]);
        if (!rule_fails(rule, row)) {
            if (known[row].owner && !was_rejected) {
                checks->late_rows[n++] = (int32_t)row;
            }
            continue;
        }
        hg_aside_set_rejected(checks->aside, &known[row]);
        int r = was_rejected ? HG_OK : reject_row(checks, batch, row, number, number + 1, err);
        if (r < 0) {
            return r;
        }
    }
    *ret_n = n;
    return HG_OK;
}

static int decide_partition(struct hg_checks *checks,
                            size_t number,
                            uint32_t partition,
                            hg_checks_pass *pass,
                            void *arg,
                            struct hg_error *err)
{
    struct hg_flow_batch batch = {0};
    const struct hg_aside_row *known = NULL;
    hg_flow_at_work(checks->flow, checks->rules[number].job);
    int r = hg_rule_resolve(&checks->rules[number], partition, err);
    r = r < 0 ? r : hg_aside_open(checks->aside, number, partition, err);
    while (r == HG_OK) {
        int64_t n = 0;
        hg_flow_at_work(checks->flow, checks->rules[number].job);
        r = hg_flow_cancelled(checks->flow, err);
        r = r < 0 ? r : hg_aside_next(checks->aside, &batch, &known, err);
        if (r < 0 || batch.n_rows == 0) {
            return r;
        }
        r = hg_rule_check(&checks->rules[number], &batch, err);
        r = r < 0 ? r : decide_rows(checks, number, &batch, known, &n, err);
        r = r < 0 || n == 0 ? r : pass(arg, &batch, checks->late_rows, n, err);
    }
    return r;
}

static int decide_late(
    struct hg_checks *checks, size_t number, hg_checks_pass *pass, void *arg, struct hg_error *err)
{
    const struct hg_rule *rule = &checks->rules[number];
    int r = HG_OK;
    for (uint32_t p = 0; r == HG_OK && rule->rejecting && p < rule->vtable->n_partitions; p++) {
        if (hg_aside_has(checks->aside, number, p)) {
            r = decide_partition(checks, number, p, pass, arg, err);
        }
    }
    return r;
}

bool hg_checks_judge_late(const struct hg_checks *checks)
{
    for (size_t i = 0; i < checks->n_rules; i++) {
        const struct hg_rule *rule = &checks->rules[i];
        bool late = rule->vtable->verdict == HG_VERDICT_FINISH || rule->vtable->n_partitions > 0;
        if (late && rule->on_fail != HG_ON_FAIL_WARN) {
            return true;
        }
    }
    return false;
}

int hg_checks_finish(struct hg_checks *checks,
                     hg_checks_pass *pass,
                     void *arg,
                     struct hg_error *err)
{
    int r = HG_OK;
    if (!checks->late_rows) {
        checks->late_rows = malloc(HG_ASIDE_BATCH_ROWS * sizeof *checks->late_rows);
        r = checks->late_rows ? HG_OK : hg_error_nomem(err);
    }
    for (size_t i = 0; r == HG_OK && i < checks->n_rules; i++) {
        r = decide_late(checks, i, pass, arg, err);
    }
    for (size_t i = 0; r == HG_OK && i < checks->n_rules; i++) {
        hg_flow_at_work(checks->flow, checks->rules[i].job);
        r = hg_rule_finish(&checks->rules[i], err);
    }
    for (size_t i = 0; i < checks->n_jobs; i++) {
        struct hg_flow_job *job = &checks->flow->jobs[checks->first_job + i];
        job->rows_out = job->rows_in - job->rows_rejected;
    }
    return r;
}

int hg_checks_report(const struct hg_checks *checks, struct hg_error *err)
{
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && i < checks->n_rules; i++) {
        r = hg_rule_report(&checks->rules[i], checks->flow->results, err);
    }
    return r;
}
