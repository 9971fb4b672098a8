/*
 * "decimal(precision,scale)" of a configuration.
 */
#ifndef SRC_DECIMAL_TYPE_H
#define SRC_DECIMAL_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* False, and nothing written, when `text` is no such type or one no column can have. */
bool src_decimal_type(const char *text, int32_t *ret_precision, int32_t *ret_scale);

#endif
