#include "key.h"

#include <string.h>

enum { PIECE = 7, MORE = 255, ROUNDS = 1, END_ROUNDS = 3 };

#define SIGN UINT64_C(0x8000000000000000)

/* ------------------------------------------------------------------------------------------ */
/* Cells as words                                                                               */
/* ------------------------------------------------------------------------------------------ */

static inline uint64_t word_of_int(int64_t value)
{
    return (uint64_t)value ^ SIGN;
}

static inline uint64_t word_of_float(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = value != value ? UINT64_C(0x7ff8000000000000) : bits;
    bits = value == 0 ? 0 : bits;
    return bits ^ (-(bits >> 63) | SIGN);
}

/* Up to 7 bytes as a big-endian number in the upper bytes of the word. */
static inline uint64_t word_of_bytes(const uint8_t *p, size_t n, const uint8_t *end)
{
    uint64_t word = 0;
    if (end - p >= 8) {
        memcpy(&word, p, 8);
        word &= ((uint64_t)1 << (8 * n)) - 1;
    } else if (n > 0) {
        memcpy(&word, p, n);
    }
    return __builtin_bswap64(word);
}

static inline size_t words_of_length(size_t n)
{
    return n <= PIECE ? 1 : (n + PIECE - 1) / PIECE;
}

/* The end of the bytes that the batch's rows of this column may be read from. */
static const uint8_t *bytes_end(const struct hg_view *view)
{
    const int32_t *offsets = (const int32_t *)view->values + view->offset;
    return view->bytes + offsets[view->n];
}

static inline uint64_t word_of_piece(const uint8_t *p, size_t n, const uint8_t *end)
{
    return n <= PIECE ? word_of_bytes(p, n, end) | n : word_of_bytes(p, PIECE, end) | MORE;
}

/* ------------------------------------------------------------------------------------------ */
/* Blocks of rows                                                                               */
/* ------------------------------------------------------------------------------------------ */

HG_HOT static void ints32(const int32_t *values, int n, uint64_t *to)
{
    for (int i = 0; i < n; i++) {
        to[i] = word_of_int(values[i]);
    }
}

HG_HOT static void ints64(const int64_t *values, int n, uint64_t *to)
{
    for (int i = 0; i < n; i++) {
        to[i] = word_of_int(values[i]);
    }
}

HG_HOT static void floats(const double *values, int n, uint64_t *to)
{
    for (int i = 0; i < n; i++) {
        to[i] = word_of_float(values[i]);
    }
}

static void bools(const struct hg_view *view, int64_t at, int n, uint64_t *to)
{
    for (int i = 0; i < n; i++) {
        to[i] = hg_view_bit(view->values, at + i);
    }
}

static void decimals(const uint64_t *values, int n, uint64_t *upper, uint64_t *lower)
{
    for (int i = 0; i < n; i++) {
        upper[i] = values[2 * i + 1] ^ SIGN;
        lower[i] = values[2 * i];
    }
}

/* The number of words that all rows' texts have, or 0 when they differ. */
static size_t text_words(const int32_t *offsets, int n)
{
    size_t words = words_of_length((size_t)(offsets[1] - offsets[0]));
    bool same = true;
    for (int i = 1; i < n; i++) {
        same &= words_of_length((size_t)(offsets[i + 1] - offsets[i])) == words;
    }
    return same ? words : 0;
}

static void texts(const struct hg_view *view,
                  const int32_t *offsets,
                  int n,
                  size_t n_words,
                  uint64_t (*to)[KEY_BLOCK])
{
    const uint8_t *end = bytes_end(view);
    for (size_t w = 0; w < n_words; w++) {
        for (int i = 0; i < n; i++) {
            size_t left = (size_t)(offsets[i + 1] - offsets[i]) - w * PIECE;
            to[w][i] = word_of_piece(view->bytes + offsets[i] + w * PIECE, left, end);
        }
    }
}

/* The words of n rows of one column, from to[0] on; how many, or 0 when rows differ in that. */
static size_t encode_column(
    const struct hg_view *view, int64_t row, int n, size_t room, uint64_t (*to)[KEY_BLOCK])
{
    int64_t at = view->offset + row;
    if (room < 2) {
        return 0;
    }
    switch (view->type) {
    case HG_TYPE_BOOL:
        bools(view, at, n, to[0]);
        return 1;
    case HG_TYPE_INT32:
    case HG_TYPE_DATE32:
        ints32((const int32_t *)view->values + at, n, to[0]);
        return 1;
    case HG_TYPE_FLOAT64:
        floats((const double *)view->values + at, n, to[0]);
        return 1;
    case HG_TYPE_DECIMAL128:
        decimals((const uint64_t *)view->values + at * 2, n, to[0], to[1]);
        return 2;
    case HG_TYPE_UTF8:
    case HG_TYPE_BINARY: {
        const int32_t *offsets = (const int32_t *)view->values + at;
        size_t n_words = text_words(offsets, n);
        if (n_words > room) {
            return 0;
        }
        texts(view, offsets, n, n_words, to);
        return n_words;
    }
    default:
        ints64((const int64_t *)view->values + at, n, to[0]);
        return 1;
    }
}

static size_t encode_block(struct key_maker *maker, int64_t row, int n)
{
    size_t n_words = 0;
    for (size_t i = 0; i < maker->n_views; i++) {
        size_t words =
            encode_column(&maker->views[i], row, n, KEY_WORDS - n_words, maker->words + n_words);
        if (words == 0) {
            return 0;
        }
        n_words += words;
    }
    return n_words;
}

/* Four rows side by side. */
typedef uint64_t lanes __attribute__((vector_size(32)));

#define ALL_LANES(x) ((lanes){(x), (x), (x), (x)})

/* The hashes of the block's rows; those behind the last row mean nothing. */
HG_HOT static void hash_block(const struct sip_key *key,
                              const uint64_t (*words)[KEY_BLOCK],
                              size_t n_words,
                              int n,
                              uint64_t *low,
                              uint64_t *high)
{
    for (int i = 0; i < n; i += 4) {
        lanes v0 = ALL_LANES(key->k0 ^ SIP_INIT0);
        lanes v1 = ALL_LANES(key->k1 ^ SIP_INIT1);
        lanes v2 = ALL_LANES(key->k0 ^ SIP_INIT2);
        lanes v3 = ALL_LANES(key->k1 ^ SIP_INIT3);
        lanes out[2];
        for (size_t w = 0; w <= n_words; w++) {
            lanes word = ALL_LANES(SIP_LAST_BLOCK(n_words));
            if (w < n_words) {
                memcpy(&word, words[w] + i, sizeof word);
            }
            v3 ^= word;
            SIP_ROUND(v0, v1, v2, v3);
            v0 ^= word;
        }
        for (int half = 0; half < 2; half++) {
            v2 ^= ALL_LANES(half == 0 ? UINT64_C(0xee) : 0);
            v1 ^= ALL_LANES(half == 0 ? 0 : UINT64_C(0xdd));
            for (int round = 0; round < END_ROUNDS; round++) {
                SIP_ROUND(v0, v1, v2, v3);
            }
            out[half] = v0 ^ v1 ^ v2 ^ v3;
        }
        out[1] |= ALL_LANES(UINT64_C(1));
        memcpy(low + i, &out[0], sizeof out[0]);
        memcpy(high + i, &out[1], sizeof out[1]);
    }
}

_Static_assert(ROUNDS == 1, "as many as there are for a word above");

/* ------------------------------------------------------------------------------------------ */
/* Order                                                                                        */
/* ------------------------------------------------------------------------------------------ */

/* Whether the words of each row but the first are greater than those of the row before. */
HG_HOT static bool block_rises(const uint64_t (*words)[KEY_BLOCK], size_t n_words, int n)
{
    uint64_t equal[KEY_BLOCK];
    uint64_t greater[KEY_BLOCK];
    uint64_t all = UINT64_MAX;
    for (int i = 0; i < KEY_BLOCK; i++) {
        equal[i] = UINT64_MAX;
        greater[i] = 0;
    }
    for (size_t w = 0; w < n_words; w++) {
        const uint64_t *a = words[w];
        for (int i = 1; i < n; i++) {
            greater[i] |= equal[i] & -(uint64_t)(a[i] > a[i - 1]);
            equal[i] &= -(uint64_t)(a[i] == a[i - 1]);
        }
    }
    for (int i = 1; i < n; i++) {
        all &= greater[i];
    }
    return all != 0;
}

/* Whether the words of a key are greater than those of the last key. */
static bool is_behind_last(const struct key_maker *maker, const uint64_t *words, int n)
{
    for (int i = 0; i < n && i < maker->n_last; i++) {
        if (words[i] != maker->last[i]) {
            return words[i] > maker->last[i];
        }
    }
    return maker->n_last == 0;
}

static void block_order(struct key_maker *maker, size_t n_words, int n)
{
    uint64_t key[KEY_WORDS];
    if (!maker->rising || n == 0) {
        return;
    }
    for (size_t w = 0; w < n_words; w++) {
        key[w] = maker->words[w][0];
    }
    maker->rising = is_behind_last(maker, key, (int)n_words) &&
                    block_rises((const uint64_t(*)[KEY_BLOCK])maker->words, n_words, n);
    for (size_t w = 0; w < n_words; w++) {
        maker->last[w] = maker->words[w][n - 1];
    }
    maker->n_last = (int)n_words;
}

/* ------------------------------------------------------------------------------------------ */
/* Single rows                                                                                  */
/* ------------------------------------------------------------------------------------------ */

/* One key on its way: hashed word by word, and the first words kept for comparing. */
struct key_row {
    struct sip_state sip;
    int n; /* words, of which the first KEY_LAST_WORDS are kept */
    uint64_t words[KEY_LAST_WORDS];
};

static inline void row_add(struct key_row *key, uint64_t word)
{
    sip_add(&key->sip, word, ROUNDS);
    if (key->n < KEY_LAST_WORDS) {
        key->words[key->n] = word;
    }
    key->n += key->n <= KEY_LAST_WORDS;
}

static void row_add_text(struct key_row *key, const struct hg_view *view, int64_t row)
{
    size_t n;
    const uint8_t *p = hg_view_bytes(view, row, &n);
    const uint8_t *end = bytes_end(view);
    for (; n > PIECE; n -= PIECE, p += PIECE) {
        row_add(key, word_of_piece(p, n, end));
    }
    row_add(key, word_of_piece(p, n, end));
}

static void row_add_cell(struct key_row *key, const struct hg_view *view, int64_t row)
{
    uint64_t cell[2][KEY_BLOCK];
    if (view->type == HG_TYPE_UTF8 || view->type == HG_TYPE_BINARY) {
        row_add_text(key, view, row);
        return;
    }
    size_t n = encode_column(view, row, 1, 2, cell);
    for (size_t i = 0; i < n; i++) {
        row_add(key, cell[i][0]);
    }
}

static void row_order(struct key_maker *maker, const struct key_row *key)
{
    if (!maker->rising) {
        return;
    }
    maker->rising = key->n <= KEY_LAST_WORDS && is_behind_last(maker, key->words, key->n);
    maker->n_last = key->n < KEY_LAST_WORDS ? key->n : KEY_LAST_WORDS;
    memcpy(maker->last, key->words, (size_t)maker->n_last * sizeof key->words[0]);
}

static void hash_row(struct key_maker *maker, int64_t row, struct key_hashes *ret)
{
    struct key_row key = {.sip = sip_begin(&maker->sip)};
    for (size_t i = 0; i < maker->n_views; i++) {
        row_add_cell(&key, &maker->views[i], row);
    }
    row_order(maker, &key);
    struct sip_hash hash = sip_end(&key.sip, ROUNDS, END_ROUNDS);
    ret->rows[ret->n] = (int32_t)row;
    ret->low[ret->n] = hash.low;
    ret->high[ret->n] = hash.high | 1;
    ret->n++;
}

/* ------------------------------------------------------------------------------------------ */
/* All                                                                                          */
/* ------------------------------------------------------------------------------------------ */

void key_nulls(const struct hg_view *views, size_t n_views, uint8_t *bits, uint8_t *scratch)
{
    size_t n_bytes = (size_t)(views[0].n + 7) / 8;
    if (n_bytes == 0) {
        return;
    }
    memset(bits, 0, n_bytes);
    for (size_t i = 0; i < n_views; i++) {
        if (views[i].validity && hg_view_nulls(&views[i], scratch) > 0) {
            for (size_t k = 0; k < n_bytes; k++) {
                bits[k] |= scratch[k];
            }
        }
    }
}

/* Moves the words of the rows that are no nulls together; how many there are. */
static int compact(struct key_maker *maker, size_t n_words, int n, uint64_t nulls)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        for (size_t w = 0; w < n_words; w++) {
            maker->words[w][kept] = maker->words[w][i];
        }
        kept += !(nulls >> i & 1);
    }
    return kept;
}

static void hash_rows(
    struct key_maker *maker, int64_t from, int n, uint64_t nulls, struct key_hashes *ret)
{
    size_t n_words = encode_block(maker, from, n);
    if (n_words == 0) {
        for (int i = 0; i < n; i++) {
            if (!(nulls >> i & 1)) {
                hash_row(maker, from + i, ret);
            }
        }
        return;
    }
    uint64_t low[KEY_BLOCK];
    uint64_t high[KEY_BLOCK];
    int kept = nulls ? compact(maker, n_words, n, nulls) : n;
    block_order(maker, n_words, kept);
    hash_block(&maker->sip, (const uint64_t(*)[KEY_BLOCK])maker->words, n_words, kept, low, high);
    memcpy(ret->low + ret->n, low, (size_t)kept * sizeof low[0]);
    memcpy(ret->high + ret->n, high, (size_t)kept * sizeof high[0]);
    for (int i = 0; i < n; i++) {
        ret->rows[ret->n] = (int32_t)(from + i);
        ret->n += !(nulls >> i & 1);
    }
}

void key_hash_rows(struct key_maker *maker,
                   int64_t from,
                   int64_t end,
                   const uint8_t *nulls,
                   struct key_hashes *ret)
{
    for (int64_t at = from; at < end; at += KEY_BLOCK) {
        int n = end - at < KEY_BLOCK ? (int)(end - at) : KEY_BLOCK;
        uint64_t mask = 0;
        memcpy(&mask, nulls + at / 8, (size_t)(n + 7) / 8);
        hash_rows(maker, at, n, mask, ret);
    }
}
