/*
 * How far an incremental read has come.
 *
 *     {"column": "updated_at", "value": "2026-01-31 09:30:00.000000+00", "seen": "<hashes>"}
 *
 * `value` is the largest one that was read and `seen` has, in hex of 32 digits each, the hashes of
 * the rows that had it. A read begins with the rows at `value`, passes over those that are in
 * `seen`, each as often as it is there, and so finds rows that came later with the same value.
 */
#ifndef POSTGRES_CURSOR_H
#define POSTGRES_CURSOR_H

#include "decode.h"

struct pg_cursor {
    char *value; /* NULL: nothing was read */
    struct pg_hash *seen;
    size_t n;
    size_t room;
    /* Of those that `value` began with: what is still to be passed over, sorted. */
    struct pg_hash *known;
    bool *passed;
    size_t n_known;
    char *last;     /* the bytes of the cursor's field in the row before */
    int32_t last_n; /* -1: there was no row yet */
    int32_t last_room;
};

/* `json` may be NULL. HG_EDATA for what is no state; HG_ECONFLICT for one of another column. */
hg_status pg_cursor_read(const char *json,
                         const char *column,
                         struct pg_cursor *ret,
                         struct hg_error *err);
void pg_cursor_done(struct pg_cursor *cursor);
/* *ret_pass: an earlier read has given the row. Else it is added. */
hg_status pg_cursor_row(struct pg_cursor *cursor,
                        const struct pg_plan *plan,
                        const struct pg_field *fields,
                        bool *ret_pass,
                        struct hg_error *err);
hg_status pg_cursor_put(struct pg_cursor *cursor,
                        const struct pg_plan *plan,
                        const struct hg_host *host,
                        struct hg_error *err);

#endif
