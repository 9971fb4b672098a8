/*
 * A hash of a text for names and tables of our own: FNV-1a, 64 bits. Whoever may choose the text
 * can make two the same.
 */
#ifndef HG_BASE_HASH_H
#define HG_BASE_HASH_H

#include <stdint.h>

uint64_t hg_hash(const char *text);

#endif
