#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 8192, ARENA_ALIGN = 16 };

struct hg_arena_block {
    struct hg_arena_block *next;
    size_t used;
    size_t room;
    size_t unused; /* keeps `bytes` aligned to 16 */
    unsigned char bytes[];
};

void hg_arena_free(struct hg_arena *arena)
{
    while (arena->blocks) {
        struct hg_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

static struct hg_arena_block *add_block(struct hg_arena *arena, size_t size)
{
    size_t room = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
    if (room > SIZE_MAX - sizeof(struct hg_arena_block)) {
        return NULL;
    }
    struct hg_arena_block *block = calloc(1, sizeof *block + room);
    if (!block) {
        return NULL;
    }
    block->room = room;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *hg_arena_alloc(struct hg_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ARENA_ALIGN) {
        return NULL;
    }
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct hg_arena_block *block = arena->blocks;
    if (!block || block->room - block->used < size) {
        block = add_block(arena, size);
        if (!block) {
            return NULL;
        }
    }
    void *bytes = block->bytes + block->used;
    block->used += size;
    return bytes;
}

char *hg_arena_strndup(struct hg_arena *arena, const char *text, size_t n)
{
    char *copy = n < SIZE_MAX ? hg_arena_alloc(arena, n + 1) : NULL;
    if (copy) {
        memcpy(copy, text, n);
    }
    return copy;
}

char *hg_arena_strdup(struct hg_arena *arena, const char *text)
{
    return text ? hg_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *hg_arena_printf(struct hg_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *text = n < 0 ? NULL : hg_arena_alloc(arena, (size_t)n + 1);
    if (text) {
        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    va_end(args);
    return text;
}
