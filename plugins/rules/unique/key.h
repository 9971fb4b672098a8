/*
 * The key of a row as 64-bit words, and its hash.
 *
 * Words compare, as unsigned numbers one after the other, like the cells in the order of the
 * configuration's columns; equal cells and only these give equal words (0.0 equals -0.0, and NaN
 * equals NaN). No key's words are the beginning of another's. Text is cut into pieces of seven
 * bytes; the lowest byte of a word says how many of them are used, or 255 when more follow.
 */
#ifndef UNIQUE_KEY_H
#define UNIQUE_KEY_H

#include "headgate/view.h"
#include "sip.h"

enum {
    KEY_BLOCK = 64,     /* rows that are hashed at once */
    KEY_WORDS = 16,     /* words a row may have there */
    KEY_LAST_WORDS = 64 /* words of a key that is remembered */
};

/* Hashes of rows without nulls. */
struct key_hashes {
    int n;
    int32_t *rows; /* numbers within the batch */
    uint64_t *low; /* the hash; its upper half is never 0 */
    uint64_t *high;
};

struct key_maker {
    const struct hg_view *views; /* bound; borrowed */
    size_t n_views;
    struct sip_key sip;
    /* Whether each key so far was greater than the one before; false also when that is unknown. */
    bool rising;
    int n_last; /* words of the last key */
    uint64_t last[KEY_LAST_WORDS];
    uint64_t words[KEY_WORDS][KEY_BLOCK];
};

/* The null bits of all the views' rows together, in (n + 7) / 8 bytes; `scratch` has as many. */
void key_nulls(const struct hg_view *views, size_t n_views, uint8_t *bits, uint8_t *scratch);

/*
 * Appends the hashes of the rows from `from` (a multiple of 64) to before `end` to *ret, which has
 * room for them, but for the rows in `nulls`.
 */
void key_hash_rows(struct key_maker *maker,
                   int64_t from,
                   int64_t end,
                   const uint8_t *nulls,
                   struct key_hashes *ret);

#endif
