/*
 * The hot loops of the rule "range".
 */
#ifndef RANGE_COMPARE_H
#define RANGE_COMPARE_H

#include "bound.h"

/*
 * Sets the bit of each row whose value is outside of the limits in (n + 7) / 8 bytes, the others
 * are 0; also for rows that are null, whose values mean nothing. Returns whether any is set.
 */
bool range_compare(const struct hg_view *view, const struct range_limits *limits, uint8_t *bits);

#endif
