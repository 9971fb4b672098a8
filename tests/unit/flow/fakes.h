/*
 * A source and rules for the tests of the flow, in this process, and a run with them.
 */
#ifndef HG_TEST_FLOW_FAKES_H
#define HG_TEST_FLOW_FAKES_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "flow/plugins.h"
#include "headgate/batch.h"
#include "pg.h"

/*
 * The source "fake" gives `rows`: a JSON list of lists. A cell is true or false; a number for the
 * integers, dates (days) and timestamps (us); a real, or a text such as "NaN" for float64; a text
 * of digits, the value times 10^scale, for decimals; a text; null.
 */
struct fake_source {
    const struct hg_column *columns;
    size_t n_columns;
    const char *rows;
    json_t *parsed;                   /* instead of `rows`, borrowed */
    int batch_rows;                   /* 0: all rows in one batch */
    int64_t n_repeat;                 /* gives all that so many times, 0: once */
    int n_rejects;                    /* rows handed to headgate.reject/1 before the first batch */
    const char *state;                /* put before the first batch */
    bool resumes;                     /* puts {"at": rows given} with each batch, goes on there */
    int fail_at_batch;                /* 1: get_next fails at the first batch */
    void (*before_batch)(int number); /* called before each batch, from 1 */
    bool hang;                        /* get_next waits until it is cancelled */
    bool numbers;                     /* offers headgate.position/1 */
    char config_seen[256];
    /* What it saw. */
    char state_seen[256]; /* what it was started with, "" for none */
    int n_open;
};
extern struct fake_source fake;

/* What the sink heard. */
struct fake_sink {
    char log[64 * 1024]; /* "job: text\n" */
    int n_lines;
    int n_calling; /* calls that name a plugin */
    bool still_calling;
    int n_explained;      /* failures that a rule put into words */
    bool (*cancel)(void); /* asked by is_cancelled; NULL: never */
};
extern struct fake_sink heard;

void fake_reset(void);

/* One kind of rule each; all are configured by {"columns": [...], ...}.
 *   toy_not_null   a row fails for each column that is null
 *   toy_unique     "keep": distinct keys it remembers; later ones are undecided, 4 partitions
 *   toy_table      fails at the end when more than "max" rows came
 */
extern const struct hg_flow_plugins fake_plugins;
/* Where runs keep their connection; NULL: nowhere. */
extern struct hg_flow_session *fake_session;

/*
 * Runs a flow: mode and key as in a task, `checks` as there, or NULL. The run's result goes to
 * *ret_result (owned by the caller, json_decref) when that is not NULL. Returns what hg_flow_run
 * does and fills *err.
 */
struct fake_task {
    const char *run_id; /* NULL: a new one */
    const char *table;
    const char *mode;
    const char *key;    /* JSON list, or NULL */
    const char *checks; /* JSON list, or NULL */
    int64_t fence;      /* 0: 1 */
};
int fake_run(const struct hg_test_pg *pg,
             const struct fake_task *task,
             json_t **ret_result,
             struct hg_error *err);
/* The task of fake_run. Owned by the caller. */
json_t *fake_task_json(const struct hg_test_pg *pg, const struct fake_task *task);
/* Runs any task with the fakes. */
int fake_run_json(const json_t *task, json_t **ret_result, struct hg_error *err);

/* The first cell of what a query of the superuser's in the warehouse answers; "" for nothing. The
 * text is static until the next call. Fails the test when the query does. */
const char *fake_query(const struct hg_test_pg *pg, const char *sql);
void fake_sql(const struct hg_test_pg *pg, const char *sql);

#define assert_query(pg, sql, expected) assert_string_equal(fake_query(pg, sql), expected)

#endif
