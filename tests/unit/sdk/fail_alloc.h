/*
 * Lets the n-th allocation of the code under test fail. The test is linked with --wrap for malloc,
 * calloc, realloc, aligned_alloc and strdup.
 */
#ifndef FAIL_ALLOC_H
#define FAIL_ALLOC_H

#include <stdbool.h>

/* The allocation after `n` more ones fails, and only that one. */
void fail_alloc_arm(int n);
/* Back to normal. True when the allocation did fail. */
bool fail_alloc_disarm(void);

#endif
