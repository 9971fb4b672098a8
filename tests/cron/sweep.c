/*
 * The cron sweep's judge: compares schedule.c with an oracle that walks minute by minute.
 *
 * The oracle shares nothing with schedule.c: it reads lines in its own way, takes offsets from a
 * table that the driver made with another reader of time zones, dates from the C library, and finds
 * gaps and overlaps by the highest local time that has been, not by stretches of one offset.
 *
 * Commands on stdin, one a line:
 *   zone NAME          forgets the table
 *   at TIME OFFSET     the offset from TIME on, in seconds; rising, the first where all begins
 *   end TIME           where all ends; compares the zone's own transitions with the table
 *   line SCHEDULE      compares around each transition
 *   century SCHEDULE   compares all the way
 *   next N AFTER SCHEDULE    prints N fire times behind AFTER, in seconds
 * On stdout: "wrong: ..." for each difference, what was asked for, and "done TESTS FIRES" at the
 * end.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/error.h"
#include "base/zone.h"
#include "schedule/schedule.h"

enum {
    LINE_BYTES = 2048,
    SPANS_MAX = 2048,
    WINDOW_MINUTES = 2 * 26 * 60,
    WRONG_MAX = 50,
    BACK_S = 3 * 86400,
};

struct span {
    int64_t from_s;
    int64_t offset_s;
};

static struct {
    char name[128];
    struct hg_zone *zone;
    struct span spans[SPANS_MAX];
    size_t n;
    int64_t end_s;
} table;

static uint64_t tests;
static uint64_t fires;
static uint64_t wrongs;

static void HG_PRINTF(1, 2) wrong(const char *fmt, ...)
{
    va_list args;
    if (wrongs++ >= WRONG_MAX) {
        return;
    }
    va_start(args, fmt);
    (void)printf("wrong: %s: ", table.name);
    (void)vprintf(fmt, args);
    (void)printf("\n");
    va_end(args);
}

/* ---- the oracle's own reading of a line ---- */

struct oracle {
    bool minute[60];
    bool hour[24];
    bool day[32];
    bool month[13];
    bool weekday[7];
    bool day_says;     /* something about days */
    bool weekday_says; /* likewise */
    bool wanders;      /* an interval, not fixed times */
};

static int word_value(const char *text, const char *const *words, int first)
{
    for (int i = 0; words && words[i]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return first + i;
        }
    }
    return (int)strtol(text, NULL, 10); /* the driver's lines are well formed */
}

static void mark(const char *text, bool *set, int min, int max, const char *const *words)
{
    char copy[LINE_BYTES];
    (void)snprintf(copy, sizeof copy, "%s", text);
    char *rest = copy;
    for (char *item; (item = strsep(&rest, ",")) != NULL;) {
        char *step_text = strchr(item, '/');
        if (step_text) {
            *step_text++ = '\0';
        }
        int step = step_text ? (int)strtol(step_text, NULL, 10) : 1;
        int low = min;
        int high = max;
        if (strcmp(item, "*") != 0) {
            char *dash = strchr(item, '-');
            if (dash) {
                *dash++ = '\0';
            }
            low = word_value(item, words, min == 0 ? 0 : 1);
            high = dash ? word_value(dash, words, min == 0 ? 0 : 1) : low;
        }
        for (int value = low; value <= high; value += step) {
            set[value] = true;
        }
    }
}

static void read_oracle(const char *line, struct oracle *ret)
{
    static const char *const months[] = {
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
    static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
    char texts[5][512];
    bool weekday[8] = {false};
    memset(ret, 0, sizeof *ret);
    if (sscanf(line,
               "%511s %511s %511s %511s %511s",
               texts[0],
               texts[1],
               texts[2],
               texts[3],
               texts[4]) != 5) {
        wrong("the oracle cannot read \"%s\"", line);
        return;
    }
    mark(texts[0], ret->minute, 0, 59, NULL);
    mark(texts[1], ret->hour, 0, 23, NULL);
    mark(texts[2], ret->day, 1, 31, NULL);
    mark(texts[3], ret->month, 1, 12, months);
    mark(texts[4], weekday, 0, strchr(texts[4], '*') ? 6 : 7, weekdays);
    for (int i = 0; i < 8; i++) {
        ret->weekday[i % 7] |= weekday[i];
    }
    ret->day_says = strcmp(texts[2], "*") != 0 && strncmp(texts[2], "*,", 2) != 0;
    ret->weekday_says = strcmp(texts[4], "*") != 0 && strncmp(texts[4], "*,", 2) != 0;
    for (int i = 0; i < 2; i++) {
        ret->wanders |= strchr(texts[i], '*') != NULL || strchr(texts[i], '/') != NULL;
    }
}

static bool day_fits(const struct oracle *oracle, const struct tm *at)
{
    bool day = oracle->day[at->tm_mday];
    bool weekday = oracle->weekday[at->tm_wday];
    bool fits = oracle->day_says && oracle->weekday_says ? day || weekday : day && weekday;
    return fits && oracle->month[at->tm_mon + 1];
}

/* The C library is asked once a day: within one, dates do not change. */
static bool local_fits(const struct oracle *oracle, int64_t local_s)
{
    static int64_t day = INT64_MIN;
    static struct tm date;
    if (!oracle->minute[local_s / 60 % 60] || !oracle->hour[local_s / 3600 % 24]) {
        return false;
    }
    if (local_s / 86400 != day) {
        time_t seconds = (time_t)local_s;
        (void)gmtime_r(&seconds, &date);
        day = local_s / 86400;
    }
    return day_fits(oracle, &date);
}

/* ---- walking ---- */

static int64_t offset_at(int64_t time_s, size_t *hint)
{
    while (*hint + 1 < table.n && table.spans[*hint + 1].from_s <= time_s) {
        (*hint)++;
    }
    while (*hint > 0 && table.spans[*hint].from_s > time_s) {
        (*hint)--;
    }
    return table.spans[*hint].offset_s;
}

/* The highest local minute that was before `time_s`. */
static int64_t highest_before(int64_t time_s)
{
    int64_t highest = INT64_MIN;
    for (size_t i = 0; i < table.n && table.spans[i].from_s < time_s; i++) {
        int64_t end = i + 1 < table.n && table.spans[i + 1].from_s < time_s
                          ? table.spans[i + 1].from_s
                          : time_s;
        if (end > time_s - BACK_S && end - 60 + table.spans[i].offset_s > highest) {
            highest = end - 60 + table.spans[i].offset_s;
        }
    }
    return highest;
}

/* One minute of a walk. `highest_s` is that before it, and is moved on. */
static bool fires_at(const struct oracle *oracle, int64_t local_s, int64_t *highest_s)
{
    int64_t before_s = *highest_s;
    if (oracle->wanders) {
        return local_fits(oracle, local_s);
    }
    if (local_s <= before_s) {
        return false; /* has been already */
    }
    *highest_s = local_s;
    for (int64_t lost_s = before_s + 60; before_s > 0 && lost_s < local_s; lost_s += 60) {
        if (local_fits(oracle, lost_s)) {
            return true;
        }
    }
    return local_fits(oracle, local_s);
}

static bool next_of(const struct hg_schedule *schedule, int64_t after_s, int64_t *ret_s)
{
    int64_t next_us = 0;
    if (hg_schedule_next(schedule, table.zone, after_s * 1000000, &next_us) < 0) {
        *ret_s = INT64_MAX;
        return false;
    }
    *ret_s = next_us / 1000000;
    return true;
}

struct walk {
    const char *line;
    struct hg_schedule schedule;
    struct oracle oracle;
    int64_t expected_s; /* what schedule.c says comes next */
    int64_t last_s;     /* the last fire time that both agreed on, or INT64_MIN */
    bool failed;
};

/* The oracle fires at `time_s`. */
static void fire(struct walk *walk, int64_t time_s)
{
    int64_t next_s;
    fires++;
    if (walk->expected_s != time_s) {
        wrong("\"%s\" fires at %" PRId64 ", the schedule says %" PRId64,
              walk->line,
              time_s,
              walk->expected_s);
        walk->failed = true;
        return;
    }
    (void)next_of(&walk->schedule, time_s, &next_s);
    if (next_s <= time_s) {
        wrong("\"%s\" does not rise: %" PRId64 " behind %" PRId64, walk->line, next_s, time_s);
        walk->failed = true;
        return;
    }
    if (walk->last_s != INT64_MIN && fires % 16 == 0) {
        int64_t back_us = 0;
        if (hg_schedule_previous(&walk->schedule, table.zone, time_s * 1000000, &back_us) < 0 ||
            back_us != walk->last_s * 1000000) {
            wrong("\"%s\" before %" PRId64 " is %" PRId64 ", not %" PRId64,
                  walk->line,
                  time_s,
                  walk->last_s,
                  back_us / 1000000);
        }
    }
    walk->last_s = time_s;
    walk->expected_s = next_s;
}

static bool begin(struct walk *walk, const char *line, int64_t from_s)
{
    struct hg_error err = HG_ERROR_INIT;
    *walk = (struct walk){.line = line, .last_s = INT64_MIN};
    if (hg_schedule_parse(line, &walk->schedule, &err) < 0) {
        wrong("\"%s\": %s", line, err.message);
        return false;
    }
    read_oracle(line, &walk->oracle);
    (void)next_of(&walk->schedule, from_s - 1, &walk->expected_s);
    tests++;
    return true;
}

static void walk_from_to(const char *line, int64_t from_s, int64_t to_s)
{
    struct walk walk;
    if (!begin(&walk, line, from_s)) {
        return;
    }
    int64_t highest_s = highest_before(from_s);
    size_t hint = 0;
    for (int64_t time_s = from_s; time_s < to_s && !walk.failed; time_s += 60) {
        if (fires_at(&walk.oracle, time_s + offset_at(time_s, &hint), &highest_s)) {
            fire(&walk, time_s);
        }
    }
    if (!walk.failed && walk.expected_s < to_s) {
        wrong("\"%s\" does not fire at %" PRId64 ", the schedule says it does",
              line,
              walk.expected_s);
    }
}

/* Around the transitions; two that are near to each other are within one window. */
static void around_transitions(const char *line)
{
    for (size_t i = 1; i < table.n; i++) {
        int64_t middle_s = table.spans[i].from_s;
        int64_t from_s = middle_s - WINDOW_MINUTES / 2 * 60;
        walk_from_to(line, from_s - from_s % 60, middle_s + WINDOW_MINUTES / 2 * 60);
    }
    if (table.n == 1) {
        walk_from_to(line, table.spans[0].from_s, table.spans[0].from_s + WINDOW_MINUTES * 60);
    }
}

static void century(const char *line)
{
    walk_from_to(line, table.spans[0].from_s + BACK_S, table.end_s - BACK_S);
}

/* ---- commands ---- */

static void compare_zone(int64_t end_s)
{
    int64_t at_s = table.spans[0].from_s;
    int32_t before_s;
    int32_t behind_s;
    table.end_s = end_s;
    tests++;
    if (hg_zone_offset_s(table.zone, at_s) != table.spans[0].offset_s) {
        wrong("begins with the offset %" PRId32, hg_zone_offset_s(table.zone, at_s));
    }
    for (size_t i = 1; i < table.n; i++) {
        if (!hg_zone_next_transition(table.zone, at_s, &at_s, &before_s, &behind_s) ||
            at_s != table.spans[i].from_s || behind_s != table.spans[i].offset_s ||
            before_s != table.spans[i - 1].offset_s) {
            wrong("the oracle's transition at %" PRId64 " is not ours at %" PRId64,
                  table.spans[i].from_s,
                  at_s);
            return;
        }
    }
    if (hg_zone_next_transition(table.zone, at_s, &at_s, &before_s, &behind_s) && at_s < end_s) {
        wrong("a transition at %" PRId64 " that the oracle does not have", at_s);
    }
}

static void begin_zone(const char *name)
{
    struct hg_error err = HG_ERROR_INIT;
    hg_zone_free(table.zone);
    memset(&table, 0, sizeof table);
    (void)snprintf(table.name, sizeof table.name, "%s", name);
    if (hg_zone_load(name, &table.zone, &err) < 0) {
        wrong("%s", err.message);
        exit(1);
    }
}

static void add_span(const char *text)
{
    if (table.n == SPANS_MAX || sscanf(text,
                                       "%" SCNd64 " %" SCNd64,
                                       &table.spans[table.n].from_s,
                                       &table.spans[table.n].offset_s) != 2) {
        wrong("the table has a line \"%s\"", text);
        exit(1);
    }
    table.n++;
}

static void print_next(const char *text)
{
    int n = 0;
    int64_t at_s = 0;
    int used = 0;
    struct hg_schedule schedule;
    struct hg_error err = HG_ERROR_INIT;
    if (sscanf(text, "%d %" SCNd64 " %n", &n, &at_s, &used) != 2 ||
        hg_schedule_parse(text + used, &schedule, &err) < 0) {
        (void)printf("next error %s\n", err.message);
        return;
    }
    (void)printf("next");
    while (n-- > 0 && next_of(&schedule, at_s, &at_s)) {
        (void)printf(" %" PRId64, at_s);
    }
    (void)printf("\n");
}

static const struct {
    const char *name;
    void (*run)(const char *rest);
} commands[] = {
    {"zone ", begin_zone},
    {"at ", add_span},
    {"line ", around_transitions},
    {"century ", century},
    {"next ", print_next},
};

int main(void)
{
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "end ", 4) == 0) {
            compare_zone(strtoll(line + 4, NULL, 10));
            continue;
        }
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
            if (strncmp(line, commands[i].name, strlen(commands[i].name)) == 0) {
                commands[i].run(line + strlen(commands[i].name));
            }
        }
    }
    (void)printf("done %" PRIu64 " %" PRIu64 "\n", tests, fires);
    hg_zone_free(table.zone);
    return wrongs > 0;
}
