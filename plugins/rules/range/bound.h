/*
 * Bounds as people write them, and what they mean for a column.
 *
 * Integers, decimals, dates and timestamps are compared as whole numbers of their smallest unit, so
 * every bound becomes a least and a greatest good value, both inclusive: "more than 0.5" is 1 for
 * an int64 and 0.51 for a decimal with two digits.
 */
#ifndef RANGE_BOUND_H
#define RANGE_BOUND_H

#include "headgate/batch.h"
#include "headgate/view.h"

enum range_side { RANGE_MIN, RANGE_MAX, RANGE_EXCLUSIVE_MIN, RANGE_EXCLUSIVE_MAX, RANGE_N_SIDES };

/* The keys of the configuration, by side. */
extern const char *const range_keys[RANGE_N_SIDES];

/* A bound of the configuration. */
struct range_bound {
    char text[64]; /* "" when it is not given; numbers as short as they can be written */
    bool is_text;  /* it was given as a text */
};

/* The good values of a column: low <= value <= high. */
struct range_limits {
    hg_int128 low;
    hg_int128 high;
    double float_low; /* for float64 */
    double float_high;
};

/* Reads a bound from its JSON text. HG_EINVAL when it is no number or text, or too long. */
hg_status range_bound_read(const char *json,
                           enum range_side side,
                           struct range_bound *ret,
                           struct hg_error *err);

/*
 * What the bounds (RANGE_N_SIDES of them) mean for the view's column. HG_EINVAL with err->pointer
 * at the bound that does not fit the column's type, or when no value lies within.
 */
hg_status range_limits_make(const struct range_bound *bounds,
                            const struct hg_view *view,
                            struct range_limits *ret,
                            struct hg_error *err);

#endif
