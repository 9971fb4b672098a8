/*
 * Rows that rules could not decide when they saw them.
 *
 * A rule such as `unique` that has run out of memory says of a row "undecided, partition 7". The
 * row is written whole into that rule's partition and leaves the stream. After the last batch each
 * partition is read back in stream order, shown to its rule again, and decided.
 *
 * Two rules may be undecided about one row. Then each has a copy in its partitions. The rules take
 * their turns in order; the copy of the last of them, the owner, is the one that may be loaded, and
 * a bit for each such row remembers that an earlier turn has rejected it.
 */
#ifndef HG_FLOW_ASIDE_H
#define HG_FLOW_ASIDE_H

#include "flow/columns.h"
#include "headgate/batch.h"

/* The most rows that hg_aside_next gives at once. */
enum { HG_ASIDE_BATCH_ROWS = 1024 };

struct hg_aside;

/* For n_rules rules, of which most never need it. `schema` is borrowed. */
int hg_aside_new(const struct hg_flow_schema *schema,
                 size_t n_rules,
                 struct hg_aside **ret,
                 struct hg_error *err);
void hg_aside_free(struct hg_aside *aside);

/* What is known of a row that is put aside. */
struct hg_aside_row {
    int64_t seq;
    int64_t shared; /* number among the rows that several rules are undecided about, or -1 */
    bool owner;     /* this copy is the one that may be loaded */
    bool rejected;  /* another rule has rejected it already */
};

/* A number for a row that several rules are undecided about. */
int hg_aside_share(struct hg_aside *aside, int64_t *ret_shared, struct hg_error *err);
/* Puts a row into a partition (below n_partitions) of a rule. */
int hg_aside_put(struct hg_aside *aside,
                 size_t rule,
                 uint32_t n_partitions,
                 uint32_t partition,
                 const struct hg_aside_row *row,
                 const struct hg_flow_batch *batch,
                 int64_t index,
                 struct hg_error *err);
bool hg_aside_has(const struct hg_aside *aside, size_t rule, uint32_t partition);

/* Reads a partition back: opens, then takes batches until there is none. */
int hg_aside_open(struct hg_aside *aside, size_t rule, uint32_t partition, struct hg_error *err);
/*
 * The next rows: a batch borrowed until the next call on `aside` and what is known of each.
 * ret_batch->n_rows is 0 at the end.
 */
int hg_aside_next(struct hg_aside *aside,
                  struct hg_flow_batch *ret_batch,
                  const struct hg_aside_row **ret_rows,
                  struct hg_error *err);

/* Whether a turn has rejected the row. */
bool hg_aside_is_rejected(const struct hg_aside *aside, const struct hg_aside_row *row);
void hg_aside_set_rejected(struct hg_aside *aside, const struct hg_aside_row *row);

#endif
