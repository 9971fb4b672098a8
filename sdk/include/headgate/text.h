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

/*
 * Makes one line of a text of several, in place: each line break becomes a blank with the white
 * space around it, the labels that PostgreSQL's client puts before lines (DETAIL:, HINT:,
 * CONTEXT:) become a colon behind the line before, and white space at the end goes.
 */
void hg_text_one_line(char *text);

#ifdef __cplusplus
}
#endif

#endif
