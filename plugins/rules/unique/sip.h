/*
 * SipHash with 128 bits of output over 64-bit words (Aumasson, Bernstein). Keyed with random bytes
 * of this run, so that nobody can prepare rows whose hashes collide.
 *
 * The macros hold for uint64_t and for vectors of it, so that several rows are hashed side by side.
 */
#ifndef UNIQUE_SIP_H
#define UNIQUE_SIP_H

#include <stdint.h>

struct sip_key {
    uint64_t k0;
    uint64_t k1;
};

struct sip_hash {
    uint64_t low; /* the first eight bytes of the output, little-endian */
    uint64_t high;
};

struct sip_state {
    uint64_t v0, v1, v2, v3;
    uint64_t n_words;
};

#define SIP_ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

#define SIP_ROUND(v0, v1, v2, v3)    \
    do {                             \
        (v0) += (v1);                \
        (v2) += (v3);                \
        (v1) = SIP_ROTATE((v1), 13); \
        (v3) = SIP_ROTATE((v3), 16); \
        (v1) ^= (v0);                \
        (v3) ^= (v2);                \
        (v0) = SIP_ROTATE((v0), 32); \
        (v2) += (v1);                \
        (v0) += (v3);                \
        (v1) = SIP_ROTATE((v1), 17); \
        (v3) = SIP_ROTATE((v3), 21); \
        (v1) ^= (v2);                \
        (v3) ^= (v0);                \
        (v2) = SIP_ROTATE((v2), 32); \
    } while (0)

/* What the state starts with, before the key is added; the 0xee asks for 128 bits. */
#define SIP_INIT0 UINT64_C(0x736f6d6570736575)
#define SIP_INIT1 (UINT64_C(0x646f72616e646f6d) ^ 0xee)
#define SIP_INIT2 UINT64_C(0x6c7967656e657261)
#define SIP_INIT3 UINT64_C(0x7465646279746573)

/* The block behind the words: only the length in bytes, modulo 256, in the highest byte. */
#define SIP_LAST_BLOCK(n_words) ((uint64_t)(n_words) << 59)

static inline struct sip_state sip_begin(const struct sip_key *key)
{
    return (struct sip_state){
        key->k0 ^ SIP_INIT0, key->k1 ^ SIP_INIT1, key->k0 ^ SIP_INIT2, key->k1 ^ SIP_INIT3, 0};
}

static inline void sip_rounds(struct sip_state *s, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        SIP_ROUND(s->v0, s->v1, s->v2, s->v3);
    }
}

/* `rounds` (c in the paper) a word: 1 here, 2 in the reference vectors. */
static inline void sip_add(struct sip_state *s, uint64_t word, int rounds)
{
    s->v3 ^= word;
    sip_rounds(s, rounds);
    s->v0 ^= word;
    s->n_words++;
}

/* `end_rounds` is d in the paper: 3 here, 4 in the reference vectors. */
static inline struct sip_hash sip_end(struct sip_state *s, int rounds, int end_rounds)
{
    struct sip_hash hash;
    sip_add(s, SIP_LAST_BLOCK(s->n_words), rounds);
    s->v2 ^= 0xee;
    sip_rounds(s, end_rounds);
    hash.low = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
    s->v1 ^= 0xdd;
    sip_rounds(s, end_rounds);
    hash.high = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
    return hash;
}

#endif
