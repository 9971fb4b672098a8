/*
 * What the tests of the rules share: a host, batches from text, and a flow in small.
 */
#ifndef RULE_TEST_H
#define RULE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "headgate/batch.h"
#include "headgate/view.h"

/* Of the rule that is linked in. */
extern const struct hg_module hg_module_v0;

struct rule_test {
    struct hg_host host; /* first, so that a host is a rule_test */
    char log[4096];
    size_t n_log;
    int n_temp;     /* temporary files opened */
    bool no_file;   /* the host has no headgate.file/1 */
    bool fail_temp; /* open_temp fails */
    int bad_temp;   /* open_temp gives a file that cannot be: 1 written, 2 read */
    bool cancelled;
    const struct hg_rule_vtable *rule;
    const struct hg_column *columns;
    size_t n_columns;
    struct ArrowSchema schema;
    struct hg_batch *batch;
    void *inst;
    struct hg_error err; /* of the last failure */
    struct hg_rule_results results;
};

/* Columns named `a`, `b`, ... by letters: bool b, int32 i, int64 l, float64 g, decimal(18,4) d,
 * utf8 u, binary z, date t, timestamp s, instant S. */
void rt_init(struct rule_test *t, const char *letters);
void rt_init_columns(struct rule_test *t, const struct hg_column *columns, size_t n);
void rt_done(struct rule_test *t);

hg_status rt_prepare(struct rule_test *t, const char *config, bool rejecting);
void rt_close(struct rule_test *t);

/*
 * One row, cells between bars, "~" for a null: "1|abc|~". Decimals, dates and times are given as
 * their whole number of units.
 */
void rt_row(struct rule_test *t, const char *row);
/*
 * Takes the rows appended as a batch, without the first `cut` ones: with `in_children`, the offset
 * is that of the columns, else that of the batch.
 */
void rt_take(struct rule_test *t, int64_t cut, bool in_children, struct ArrowArray *ret);
/* Shows a batch to the rule and releases it. */
hg_status rt_check(struct rule_test *t, struct ArrowArray *array);
/* The rows appended, checked at once; fails the test when that does. */
void rt_check_rows(struct rule_test *t);
hg_status rt_finish(struct rule_test *t);

/* Bits as text, "0110". */
const char *rt_bits(const uint8_t *bits, int64_t n);

/* A small deterministic generator. */
uint64_t rt_random(uint64_t *state);

#endif
