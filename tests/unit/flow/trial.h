/*
 * One seed at work: a random table and random loads into it.
 */
#ifndef HG_TEST_TRIAL_H
#define HG_TEST_TRIAL_H

#include "base/uuid.h"
#include "flow/session.h"
#include "random_rows.h"
#include "sql_model.h"

enum { SMALL_ROWS = 60, LARGE_ROWS = 9000, BATCH_ROWS = 257, BATCHES = 20000 };

struct trial {
    uint64_t seed;
    int step;
    struct hg_random random;
    struct model model;
    struct hg_flow_session session;
    struct random_cell *cells;
    int batches[BATCHES];
    int64_t fence;
    int64_t committed; /* the fence of the last load that did */
    char run_id[HG_UUID_TEXT];
    int attempt;
    int64_t state;    /* of the last load that committed */
    bool exists;      /* m.t */
    bool checkpoints; /* the load may commit rows on the way */
    bool large;
    int n_left_parts; /* loads that failed behind a checkpoint */
    uint64_t spread;  /* how many values a column has */
};

/* Columns, key and table. */
void trial_choose_table(struct trial *trial);
/* Mode, rules, rows and batches of a load, and random_source, which gives them. */
void trial_choose_load(struct trial *trial);

#endif
