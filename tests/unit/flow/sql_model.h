/*
 * What a load should do, said in SQL alone: its rows in a table, its rules as expressions over it,
 * its mode as one statement on a table "oracle" beside the one that is loaded.
 */
#ifndef HG_TEST_SQL_MODEL_H
#define HG_TEST_SQL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "random_rows.h"

enum { KEY_COLUMNS = 3, CHECKS = 2, RULES = 3, BOUND_BYTES = 48 };

enum rule_kind { NOT_NULL, UNIQUE, RANGE, TOY_UNIQUE, N_RULE_KINDS };
enum on_fail { WARN, REJECT, STOP };

struct model_rule {
    enum rule_kind kind;
    enum on_fail on_fail;
    int check; /* 0 or 1 */
    int columns[KEY_COLUMNS];
    int n_columns;
    bool fatal_severity; /* "error", else "info" */
    int keep;            /* TOY_UNIQUE: keys that it remembers */
    bool small_memory;   /* UNIQUE: forgets rows from some thousands on */
    /* RANGE: as the rule reads them, and as SQL does. */
    char min[BOUND_BYTES];
    char max[BOUND_BYTES];
    bool exclusive;
};

/* One figure of a rule. */
struct model_mark {
    const struct model_rule *rule;
    int column; /* -1: the row */
    int64_t evaluated;
    int64_t failed;
};

enum { MARKS = CHECKS * RULES * KEY_COLUMNS };

/* The table, the load and what must come of it. */
struct model {
    PGconn *db; /* of a superuser */
    struct random_column columns[RANDOM_COLUMNS];
    int n_columns;
    int key[KEY_COLUMNS];
    int n_key;
    /* The table: */
    bool keyed;                    /* there is a unique index on the key */
    bool primary;                  /* which is a primary key */
    bool premade;                  /* not made by the first load */
    bool wide;                     /* premade, with types that take more */
    bool not_null[RANDOM_COLUMNS]; /* premade */
    /* The load: */
    const char *mode;
    struct model_rule rules[CHECKS * RULES];
    int n_rules;
    int n_checks;
    const struct random_cell *cells;
    int n_rows;
    /* What must come of it, by model_judge: */
    struct model_mark marks[MARKS];
    int n_marks;
    bool stops;                   /* a rule says so */
    bool fits;                    /* the table takes the rows that pass; else `why_not` */
    char why_not[256];            /* of PostgreSQL */
    int64_t rejected[CHECKS + 1]; /* by each check and by the load */
    int64_t n_loaded;
};

/* A connection for the model's SQL, in UTC. Owned by the caller, PQfinish. */
PGconn *model_connect(const char *conninfo);
/* Runs SQL that must succeed. The caller clears the result. */
PGresult *model_query(PGconn *db, const char *sql);
void model_run(PGconn *db, const char *sql);
/* The first cell of the answer as a number. */
int64_t model_number(PGconn *db, const char *sql);

/* Makes the tables input and oracle, and m.t when it is premade. */
void model_start(const struct model *model);
/* Puts the rows into the table input and finds out what must come of them; does it to oracle. */
void model_judge(struct model *model);
/* Undoes what model_judge did to oracle. */
void model_undo(const struct model *model);

/* "" when m.t is oracle, else some of the rows that differ. Owned by the caller, free. */
char *model_compare_table(const struct model *model);
/* The same for their columns and keys. */
char *model_compare_columns(const struct model *model);
/*
 * The same for the quarantine of a run. Not `exact`: rows alone, not who rejected them and why.
 */
char *model_compare_quarantine(const struct model *model,
                               const char *run_id,
                               bool exact,
                               bool positions);

#endif
