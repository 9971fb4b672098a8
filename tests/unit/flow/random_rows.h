/*
 * Random rows of every type, and how the source of fake_source.h gives them in batches of any size.
 */
#ifndef HG_TEST_RANDOM_ROWS_H
#define HG_TEST_RANDOM_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "flow/session.h"
#include "headgate/batch.h"
#include "random.h"

enum { RANDOM_COLUMNS = 9, RANDOM_TEXT_BYTES = 64 };

struct random_column {
    struct hg_column as; /* in the source */
    const char *natural; /* the type that a load makes of it */
    const char *wide;    /* another type that takes it without loss */
    /* Not of a key and not looked at by a rule: may hold what PostgreSQL cannot. */
    bool loose;
};

struct random_cell {
    bool null;
    bool beyond; /* PostgreSQL has no such value */
    int64_t number;
    double real;
    hg_int128 decimal;
    char bytes[RANDOM_TEXT_BYTES]; /* utf8 and binary */
    int n_bytes;
};

/* The column number `i` of any: its name and its type are random. */
void random_column(struct hg_random *random, int i, struct random_column *ret);
/*
 * The value number `index` of all that a column may have: the same value for the same number. The
 * first few are those that break things.
 */
void random_value(const struct random_column *column, uint64_t index, struct random_cell *ret);
/*
 * A value as a parameter of SQL, NULL for null and for what is beyond PostgreSQL: days and
 * microseconds as numbers, see random_from_param.
 */
const char *random_param(const struct random_column *column,
                         const struct random_cell *cell,
                         struct hg_buf *buf);
/* The expression that makes a column's value of the parameter $n. */
void random_from_param(const struct random_column *column, int n, struct hg_buf *sql);

/* What the source gives: set before a run. */
struct random_source {
    const struct random_column *columns;
    int n_columns;
    const struct random_cell *cells; /* n_columns for each row */
    int n_rows;
    const int *batches; /* rows of each batch; their sum is n_rows */
    int n_batches;
    int fail_at_batch;      /* from 1; 0: never */
    bool positions;         /* a last column `_hg_pos`: "at <row>" */
    struct hg_random noise; /* for rows before the first of a batch, which its offset skips */
    /*
     * With its batch number i, from 1, it puts the state {"at": base + i}, and with such a state
     * it goes on behind that batch.
     */
    int64_t base;
};
extern struct random_source random_source;
/* Makes it what "fake" gives. */
void random_source_use(void);

/* ---- random_run.c ---- */

/* Where the rule of that name is. */
void random_rule_file(const char *id, char *ret, size_t size);
/* The next task is cancelled. */
extern bool random_stopped;
/*
 * Runs a task whose source, if any, gives random_source, with the rules of their files and the toy
 * ones of fakes.h, as a worker does. *ret_result is owned by the caller.
 */
int random_run(const json_t *task,
               struct hg_flow_session *session,
               json_t **ret_result,
               struct hg_error *err);

#endif
