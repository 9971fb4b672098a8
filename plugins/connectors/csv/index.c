#include "index.h"

#include <pthread.h>
#include <stddef.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef void build_fn(const struct csv_dialect *dialect,
                      const char *buf,
                      uint32_t from,
                      uint32_t to,
                      struct csv_index *ret);

static void build_portable(const struct csv_dialect *dialect,
                           const char *buf,
                           uint32_t from,
                           uint32_t to,
                           struct csv_index *ret)
{
    uint32_t n = 0;
    uint32_t n_special = 0;
    bool odd = false;
    for (uint32_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)buf[i];
        uint8_t class = dialect->classes[c];
        odd |= c >= 0x80 || c == 0;
        ret->at[n] = i;
        ret->special[n_special] = i;
        n += class != CSV_PLAIN;
        n_special += class > CSV_DELIMITER;
    }
    ret->n = n;
    ret->n_special = n_special;
    ret->odd = odd;
}

#if defined(__x86_64__)

/* The bytes that are looked for; one that the dialect lacks stands for LF once more. */
struct needles {
    char delimiter;
    char quote;
    char escape;
};

static struct needles needles_of(const struct csv_dialect *dialect)
{
    return (struct needles){dialect->delimiter,
                            dialect->quote ? dialect->quote : '\n',
                            dialect->escape ? dialect->escape : '\n'};
}

/* What 64 bytes hold, one bit a byte. */
struct masks {
    uint64_t delimiter;
    uint64_t special;
    uint64_t odd;
};

/* Bits of the bytes that count: all 64, or the first `n` of them. */
static inline uint64_t first_bits(uint32_t n)
{
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

static inline uint32_t put_bits(uint32_t *out, uint32_t n, uint32_t base, uint64_t bits)
{
    while (bits) {
        out[n++] = base + (uint32_t)__builtin_ctzll(bits);
        bits &= bits - 1;
    }
    return n;
}

static inline struct masks masks_sse2(const char *p, const struct needles *needles)
{
    __m128i delimiter = _mm_set1_epi8(needles->delimiter);
    __m128i quote = _mm_set1_epi8(needles->quote);
    __m128i escape = _mm_set1_epi8(needles->escape);
    __m128i lf = _mm_set1_epi8('\n');
    __m128i cr = _mm_set1_epi8('\r');
    struct masks m = {0, 0, 0};
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i * 16));
        __m128i special =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, cr)),
                         _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, escape)));
        __m128i odd = _mm_or_si128(v, _mm_cmpeq_epi8(v, _mm_setzero_si128()));
        m.delimiter |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, delimiter))
                       << (i * 16);
        m.special |= (uint64_t)(uint32_t)_mm_movemask_epi8(special) << (i * 16);
        m.odd |= (uint64_t)(uint32_t)_mm_movemask_epi8(odd) << (i * 16);
    }
    return m;
}

static void build_sse2(const struct csv_dialect *dialect,
                       const char *buf,
                       uint32_t from,
                       uint32_t to,
                       struct csv_index *ret)
{
    struct needles needles = needles_of(dialect);
    uint32_t n = 0;
    uint32_t n_special = 0;
    uint64_t odd = 0;
    for (uint32_t i = from; i < to; i += 64) {
        uint64_t counted = first_bits(to - i);
        struct masks m = masks_sse2(buf + i, &needles);
        m.special &= counted;
        odd |= m.odd & counted;
        n = put_bits(ret->at, n, i, (m.delimiter & counted) | m.special);
        n_special = put_bits(ret->special, n_special, i, m.special);
    }
    ret->n = n;
    ret->n_special = n_special;
    ret->odd = odd != 0;
}

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))

/* Writes up to 15 numbers more than there are bits, which costs less than counting them. */
AVX2 static inline uint32_t put_bits_avx2(uint32_t *out, uint32_t n, uint32_t base, uint64_t bits)
{
    uint32_t count = (uint32_t)_mm_popcnt_u64(bits);
    out += n;
    for (int i = 0; i < 8; i++) {
        out[i] = base + (uint32_t)_tzcnt_u64(bits);
        bits = _blsr_u64(bits);
    }
    if (__builtin_expect(count > 8, 0)) {
        for (int i = 8; i < 16; i++) {
            out[i] = base + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
        }
        for (uint32_t i = 16; i < count; i++) {
            out[i] = base + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
        }
    }
    return n + count;
}

AVX2 static void build_avx2(const struct csv_dialect *dialect,
                            const char *buf,
                            uint32_t from,
                            uint32_t to,
                            struct csv_index *ret)
{
    struct needles needles = needles_of(dialect);
    const __m256i delimiter = _mm256_set1_epi8(needles.delimiter);
    const __m256i quote = _mm256_set1_epi8(needles.quote);
    const __m256i escape = _mm256_set1_epi8(needles.escape);
    const __m256i lf = _mm256_set1_epi8('\n');
    const __m256i cr = _mm256_set1_epi8('\r');
    uint32_t n = 0;
    uint32_t n_special = 0;
    uint64_t odd = 0;
    for (uint32_t i = from; i < to; i += 64) {
        uint64_t m[3] = {0, 0, 0};
        for (int half = 0; half < 2; half++) {
            __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(buf + i + half * 32));
            __m256i special = _mm256_or_si256(
                _mm256_or_si256(_mm256_cmpeq_epi8(v, lf), _mm256_cmpeq_epi8(v, cr)),
                _mm256_or_si256(_mm256_cmpeq_epi8(v, quote), _mm256_cmpeq_epi8(v, escape)));
            __m256i strange = _mm256_or_si256(v, _mm256_cmpeq_epi8(v, _mm256_setzero_si256()));
            __m256i cut = _mm256_cmpeq_epi8(v, delimiter);
            m[0] |= (uint64_t)(uint32_t)_mm256_movemask_epi8(cut) << (half * 32);
            m[1] |= (uint64_t)(uint32_t)_mm256_movemask_epi8(special) << (half * 32);
            m[2] |= (uint64_t)(uint32_t)_mm256_movemask_epi8(strange) << (half * 32);
        }
        uint64_t counted = first_bits(to - i);
        m[1] &= counted;
        odd |= m[2] & counted;
        n = put_bits_avx2(ret->at, n, i, (m[0] & counted) | m[1]);
        n_special = put_bits(ret->special, n_special, i, m[1]);
    }
    ret->n = n;
    ret->n_special = n_special;
    ret->odd = odd != 0;
}

#endif /* __x86_64__ */

static struct csv_index_way ways[4];
static build_fn *best = build_portable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    size_t n = 0;
    ways[n++] = (struct csv_index_way){"portable", build_portable};
#if defined(__x86_64__)
    ways[n++] = (struct csv_index_way){"sse2", build_sse2};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2")) {
        ways[n++] = (struct csv_index_way){"avx2", build_avx2};
    }
#endif
    best = ways[n - 1].build;
}

const struct csv_index_way *csv_index_ways(void)
{
    pthread_once(&once, choose);
    return ways;
}

void csv_index_build(const struct csv_dialect *dialect,
                     const char *buf,
                     uint32_t from,
                     uint32_t to,
                     struct csv_index *ret)
{
    pthread_once(&once, choose);
    best(dialect, buf, from, to, ret);
}
