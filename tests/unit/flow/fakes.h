/*
 * What the tests of the flow share: a PostgreSQL for the program, rules in this process, and a run
 * with them and the source of fake_source.h.
 */
#ifndef HG_TEST_FLOW_FAKES_H
#define HG_TEST_FLOW_FAKES_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "fake_source.h"
#include "flow/plugins.h"
#include "shared_pg.h"

/* Of each test: nothing in the databases, all fakes as at the start. */
int reset(void **state);

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
/* Rejected rows that a task keeps. */
enum { FAKE_QUARANTINE_ROWS = 100000 };

struct fake_task {
    const char *run_id; /* NULL: a new one */
    const char *table;
    const char *mode;
    const char *key;    /* JSON list, or NULL */
    const char *checks; /* JSON list, or NULL */
    int64_t fence;      /* 0: 1 */
};
int fake_run(const struct hg_test_pg *server,
             const struct fake_task *task,
             json_t **ret_result,
             struct hg_error *err);
/* The task of fake_run. Owned by the caller. */
json_t *fake_task_json(const struct hg_test_pg *server, const struct fake_task *task);
/* Runs any task with the fakes. */
int fake_run_json(const json_t *task, json_t **ret_result, struct hg_error *err);
/* Runs any task with these plugins and where it may keep its connection, heard by the sink. */
int fake_run_with(const json_t *task,
                  const struct hg_flow_plugins *plugins,
                  struct hg_flow_session *session,
                  json_t **ret_result,
                  struct hg_error *err);

/* The first cell of what a query of the superuser's in the warehouse answers; "" for nothing. The
 * text is static until the next call. Fails the test when the query does. */
const char *fake_query(const struct hg_test_pg *server, const char *sql);
void fake_sql(const struct hg_test_pg *server, const char *sql);

#define assert_query(server, sql, expected) assert_string_equal(fake_query(server, sql), expected)

#endif
