/*
 * Memory by lifetime: everything taken from an arena is freed with it. One for each HTTP request,
 * each job attempt, each parsed file. Not for several threads at once.
 */
#ifndef HG_BASE_ARENA_H
#define HG_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "headgate/plugin.h"

struct hg_arena_block;

struct hg_arena {
    struct hg_arena_block *blocks;
};

#define HG_ARENA_INIT \
    {                 \
        NULL          \
    }

void hg_arena_free(struct hg_arena *arena);
/* `size` zeroed bytes, aligned for any type; NULL when there is no memory. */
void *hg_arena_alloc(struct hg_arena *arena, size_t size);
/* A copy of `n` bytes of text with a NUL behind; NULL when there is no memory. */
char *hg_arena_strndup(struct hg_arena *arena, const char *text, size_t n);
/* NULL for NULL. */
char *hg_arena_strdup(struct hg_arena *arena, const char *text);
char *hg_arena_printf(struct hg_arena *arena, const char *fmt, ...) HG_PRINTF(2, 3);

#endif
