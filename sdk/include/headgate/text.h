/*
 * Text.
 */
#ifndef HEADGATE_TEXT_H
#define HEADGATE_TEXT_H

#include "headgate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes at the start of `text` that are whole, valid UTF-8; n when all is. */
size_t hg_text_utf8_prefix(const void *text, size_t n);

/*
 * A copy of `n` bytes that need no NUL behind them (those of a token, a cell), with one. Owned by
 * the caller, free; NULL without memory.
 */
char *hg_text_copy(const void *text, size_t n);

#ifdef __cplusplus
}
#endif

#endif
