/*
 * What PostgreSQL's jsonb does not take although it is JSON.
 */
#ifndef JSONL_JSONB_H
#define JSONL_JSONB_H

#include <stddef.h>

/*
 * NULL, or why jsonb refuses this JSON, which is valid and compact: the character U+0000, or a
 * number beyond its numeric. Static text.
 */
const char *jsonl_jsonb_refuses(const char *json, size_t n);
/* The string as JSON: up to 6 * n + 2 bytes at `out`, whose number is returned. */
size_t jsonl_jsonb_quote(const char *text, size_t n, char *out);

#endif
