/*
 * The states of a number in the JSON reader. Private to the SDK.
 */
#ifndef HEADGATE_SRC_JSON_NUMBER_H
#define HEADGATE_SRC_JSON_NUMBER_H

#include <stdbool.h>

enum hg_json_number {
    NUMBER_MINUS,
    NUMBER_ZERO,
    NUMBER_INT,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_E_SIGN,
    NUMBER_EXPONENT
};

/* The state after one more byte, or -1 when the number ends before it. */
int hg_json_number_step(enum hg_json_number state, unsigned char c);
/* Whether a number may end in this state. */
bool hg_json_number_is_whole(enum hg_json_number state);

#endif
