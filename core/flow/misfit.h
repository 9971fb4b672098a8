/*
 * What is wrong about a table that a load found, all of it in one error: each difference from what
 * the source gives, and the statement that would mend those that a statement can mend without loss.
 */
#ifndef HG_FLOW_MISFIT_H
#define HG_FLOW_MISFIT_H

#include "base/buf.h"
#include "flow/columns.h"

struct hg_misfit {
    const char *table;  /* "schema.table" */
    const char *quoted; /* the same as SQL; both borrowed */
    size_t n;           /* differences */
    size_t n_said;
    struct hg_buf says;    /* the differences, as many as fit into a message */
    struct hg_buf changes; /* of one ALTER TABLE, with commas between */
    struct hg_buf index;   /* columns of a unique index, or empty */
    struct hg_buf cast;    /* what the source is to give otherwise, with commas between */
};

void hg_misfit_free(struct hg_misfit *misfit);

/* The table has no such column. */
void hg_misfit_missing(struct hg_misfit *misfit, const struct hg_flow_column *column);
/* It is of a type, `oid` and as words, that the source's does not go into. */
void hg_misfit_type(struct hg_misfit *misfit,
                    const struct hg_flow_column *column,
                    uint32_t oid,
                    const char *type);
/* The table generates the column always. */
void hg_misfit_generated(struct hg_misfit *misfit, const struct hg_flow_column *column);
/* A column of the table that must have a value and is not given one. */
void hg_misfit_not_given(struct hg_misfit *misfit, const char *name);
/* There is no unique index on the key, whose columns are given as SQL. */
void hg_misfit_no_index(struct hg_misfit *misfit, const char *key);

/* HG_EINVAL with all that was noted, HG_OK when nothing was. */
int hg_misfit_error(const struct hg_misfit *misfit, struct hg_error *err);

#endif
