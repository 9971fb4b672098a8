#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "trial.h"

/* ---- the table ---- */

static bool has_natural(const struct model *model, int column, const char *type)
{
    return strcmp(model->columns[column].natural, type) == 0;
}

/* Distinct columns, all of which `good` takes. */
static int choose_columns(struct trial *trial,
                          bool (*good)(const struct model *model, int column),
                          int most,
                          int *ret)
{
    struct model *model = &trial->model;
    int first = hg_random_below(&trial->random, model->n_columns);
    int wanted = 1 + hg_random_below(&trial->random, most);
    int n = 0;
    for (int i = 0; i < model->n_columns && n < wanted; i++) {
        int column = (first + i * (model->n_columns - 1)) % model->n_columns;
        bool again = false;
        for (int k = 0; k < n; k++) {
            again |= ret[k] == column;
        }
        if (!again && good(model, column)) {
            ret[n++] = column;
            model->columns[column].loose = false;
        }
    }
    return n;
}

static bool any_column(const struct model *model, int column)
{
    (void)model;
    (void)column;
    return true;
}

static bool can_have_range(const struct model *model, int column)
{
    int type = model->columns[column].as.type;
    return type != HG_TYPE_BOOL && type != HG_TYPE_UTF8 && type != HG_TYPE_BINARY;
}

static bool is_bigint(const struct model *model, int column)
{
    return has_natural(model, column, "bigint");
}

void trial_choose_table(struct trial *trial)
{
    struct hg_random *random = &trial->random;
    struct model *model = &trial->model;
    trial->large = hg_random_chance(random, 4);
    model->n_columns = 1 + hg_random_below(random, trial->large ? 4 : RANDOM_COLUMNS);
    for (int i = 0; i < model->n_columns; i++) {
        random_column(random, i, &model->columns[i]);
        model->columns[i].loose = true;
    }
    model->keyed = hg_random_chance(random, 70);
    model->premade = hg_random_chance(random, 60);
    model->wide = model->premade && hg_random_chance(random, 50);
    if (model->keyed) {
        model->n_key = choose_columns(trial, any_column, KEY_COLUMNS, model->key);
        model->primary = !model->premade || hg_random_chance(random, 50);
    }
    for (int i = 0; i < model->n_columns; i++) {
        model->not_null[i] = model->premade && hg_random_chance(random, 10);
    }
    trial->spread = trial->large ? 4000 : 1 + (uint64_t)hg_random_below(random, 40);
    trial->exists = model->premade;
}

/* ---- rules ---- */

/* A bound that is not among the values which break things: those have no other beside them. */
static void choose_bound(struct trial *trial, int column, int number, char ret[BOUND_BYTES])
{
    const struct random_column *of = &trial->model.columns[column];
    int year;
    int month;
    int day;
    switch (of->as.type) {
    case HG_TYPE_DATE32:
    case HG_TYPE_TIMESTAMP_US:
        hg_date_from_days(number * 777, &year, &month, &day);
        (void)snprintf(ret, BOUND_BYTES, "%04d-%02d-%02d", year, month, day);
        break;
    case HG_TYPE_DECIMAL128:
        (void)snprintf(
            ret, BOUND_BYTES, "%s0.%03d", number < 0 ? "-" : "", number < 0 ? -number : number);
        break;
    case HG_TYPE_FLOAT64:
        (void)snprintf(ret, BOUND_BYTES, "%d.5", number);
        break;
    default:
        (void)snprintf(ret, BOUND_BYTES, "%d", number);
    }
}

static void choose_range(struct trial *trial, struct model_rule *rule)
{
    int number = hg_random_below(&trial->random, 18) - 9;
    int ends = 1 + hg_random_below(&trial->random, 3);
    rule->exclusive = ends != 3 && hg_random_chance(&trial->random, 50);
    if (ends & 1) {
        choose_bound(trial, rule->columns[0], number, rule->min);
    }
    if (ends & 2) {
        choose_bound(trial, rule->columns[0], number + 4 < 0 ? 0 : number + 4, rule->max);
    }
}

/* False when no column is fit for it. */
static bool choose_rule(struct trial *trial, struct model_rule *rule)
{
    struct hg_random *random = &trial->random;
    static bool (*const fit[])(const struct model *,
                               int) = {any_column, any_column, can_have_range, is_bigint};
    static const int most[] = {2, KEY_COLUMNS, 1, 2};
    rule->kind = (enum rule_kind)hg_random_below(random, N_RULE_KINDS);
    int how = hg_random_below(random, 20);
    rule->on_fail = how == 0 ? STOP : how < 8 ? WARN : REJECT;
    rule->fatal_severity = hg_random_chance(random, 50);
    rule->keep = hg_random_below(random, 10);
    rule->small_memory = hg_random_chance(random, 60);
    rule->n_columns = choose_columns(trial, fit[rule->kind], most[rule->kind], rule->columns);
    if (rule->kind == RANGE && rule->n_columns > 0) {
        choose_range(trial, rule);
    }
    return rule->n_columns > 0;
}

static void choose_rules(struct trial *trial)
{
    struct model *model = &trial->model;
    model->n_rules = 0;
    model->n_checks = 0;
    int checks = hg_random_below(&trial->random, CHECKS + 1);
    for (int check = 0; check < checks; check++) {
        int before = model->n_rules;
        int n = 1 + hg_random_below(&trial->random, RULES);
        for (int i = 0; i < n; i++) {
            struct model_rule rule = {.check = model->n_checks};
            if (choose_rule(trial, &rule)) {
                model->rules[model->n_rules++] = rule;
            }
        }
        model->n_checks += model->n_rules > before;
    }
}

/* ---- rows ---- */

static void choose_cell(struct trial *trial, int column, struct random_cell *cell)
{
    struct hg_random *random = &trial->random;
    const struct random_column *of = &trial->model.columns[column];
    bool can_be_beyond = of->as.type == HG_TYPE_UTF8 || of->as.type == HG_TYPE_DATE32 ||
                         of->as.type == HG_TYPE_TIMESTAMP_US;
    random_value(of, (uint64_t)hg_random_below(random, (int)trial->spread), cell);
    cell->null = hg_random_chance(random, 8);
    if (cell->null || !of->loose || !can_be_beyond || !hg_random_chance(random, 2)) {
        return;
    }
    cell->beyond = true;
    cell->number = of->as.type == HG_TYPE_DATE32 ? INT32_MAX : INT64_MIN;
    cell->n_bytes = 3;
    memcpy(cell->bytes, "a\0b", 3);
}

static void choose_rows(struct trial *trial)
{
    struct hg_random *random = &trial->random;
    struct model *model = &trial->model;
    model->n_rows = trial->large ? LARGE_ROWS / 2 + hg_random_below(random, LARGE_ROWS / 2)
                                 : hg_random_below(random, SMALL_ROWS);
    if (!trial->large && hg_random_chance(random, 10)) {
        model->n_rows *= 12;
    }
    for (int row = 0; row < model->n_rows; row++) {
        struct random_cell *cells = trial->cells + row * model->n_columns;
        bool beyond = false;
        for (int c = 0; c < model->n_columns; c++) {
            choose_cell(trial, c, &cells[c]);
            cells[c].null |= beyond && cells[c].beyond; /* one a row */
            cells[c].beyond &= !beyond;
            beyond |= cells[c].beyond;
        }
        if (row > 0 && hg_random_chance(random, 10)) {
            int again = hg_random_below(random, row);
            memcpy(cells,
                   trial->cells + again * model->n_columns,
                   (size_t)model->n_columns * sizeof *cells);
        }
    }
    model->cells = trial->cells;
}

static int compare_number(const void *left, const void *right)
{
    const struct random_cell *x = left;
    const struct random_cell *y = right;
    return (x->number > y->number) - (x->number < y->number);
}

/* Rows in the order of a first column of numbers, as a merge likes them. */
static void sort_rows(struct trial *trial)
{
    struct model *model = &trial->model;
    qsort(trial->cells,
          (size_t)model->n_rows,
          (size_t)model->n_columns * sizeof *trial->cells,
          compare_number);
}

static void choose_batches(struct trial *trial, struct random_source *source)
{
    int left = trial->model.n_rows;
    int most = 1 + hg_random_below(&trial->random, BATCH_ROWS);
    source->n_batches = 0;
    while (source->n_batches < BATCHES) {
        int n =
            hg_random_chance(&trial->random, 10) ? 0 : 1 + hg_random_below(&trial->random, most);
        n = n < left ? n : left;
        left -= n;
        trial->batches[source->n_batches++] = n;
        if (left == 0 && hg_random_chance(&trial->random, 60)) {
            break;
        }
    }
    if (trial->model.n_rows == 0 && hg_random_chance(&trial->random, 50)) {
        source->n_batches = 0;
    }
    source->batches = trial->batches;
}

/* ---- a load ---- */

void trial_choose_load(struct trial *trial)
{
    static const char *const modes[] = {"merge", "append", "replace"};
    struct hg_random *random = &trial->random;
    struct model *model = &trial->model;
    int mode = hg_random_below(random, 3);
    mode = !model->keyed && mode == 0 ? 1 : mode;
    model->mode =
        modes[model->keyed && (!trial->exists || mode == 1) && hg_random_chance(random, 60) ? 0
                                                                                            : mode];
    if (model->keyed && !trial->exists) {
        model->mode = "merge"; /* which alone makes the key */
    }
    choose_rules(trial);
    choose_rows(trial);
    if (hg_random_chance(random, 30)) {
        sort_rows(trial);
    }
    trial->checkpoints = hg_random_chance(random, 30);
    random_source = (struct random_source){.columns = model->columns,
                                           .n_columns = model->n_columns,
                                           .cells = trial->cells,
                                           .n_rows = model->n_rows,
                                           .positions = hg_random_chance(random, 40),
                                           .noise = {(uint64_t)hg_random_below(random, 1 << 30)},
                                           .base = trial->state + 100};
    choose_batches(trial, &random_source);
}
