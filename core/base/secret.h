/*
 * Memory for secrets in the clear: one locked arena for the whole process, which stays out of swap
 * and of core dumps, and is wiped piece by piece. [any] thread.
 *
 *     HG_CLEANUP(hg_secret_freep) struct hg_secret *token = NULL;
 *     r = hg_vault_get(vault, db, &name, &token, err);
 *     ... token->value, token->n ...
 *
 * Never copy `value` to where it is not wiped: no heap, no log, no argument, no environment.
 */
#ifndef HG_BASE_SECRET_H
#define HG_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "headgate/plugin.h"

enum {
    HG_SECRET_MAX = 64 << 10,        /* bytes of one secret */
    HG_SECRET_ARENA_BYTES = 2 << 20, /* of all that are in use at a time */
};

struct hg_secret {
    size_t n;
    char value[]; /* n bytes, which may hold NULs, and a NUL */
};

/*
 * Reserves the arena, once for the process. *ret_locked (may be NULL) is false when the system let
 * us not lock it (the limit of locked memory is too low): secrets may then be swapped out.
 * HG_ENOMEM when there is no arena at all.
 */
int hg_secret_arena(bool *ret_locked, struct hg_error *err);

/*
 * `n` bytes of the arena, zeroed; wiped by hg_secret_release. HG_EUNAVAILABLE (retryable) while
 * others use all of it.
 */
int hg_secret_alloc(size_t n, void **ret, struct hg_error *err);
void hg_secret_release(void *memory);

/*
 * A secret of `n` bytes, copied from `value` (NULL: zeroed, to be filled). Owned by the caller,
 * hg_secret_free. HG_ETOOBIG over HG_SECRET_MAX.
 */
int hg_secret_new(const void *value, size_t n, struct hg_secret **ret, struct hg_error *err);
/* Wipes it. NULL is fine. */
void hg_secret_free(struct hg_secret *secret);
HG_DEFINE_CLEANUP(hg_secret_freep, struct hg_secret *, hg_secret_free)

/* Wipes `n` bytes that held a secret on their way here; the compiler does not take it out. */
void hg_secret_wipe(void *memory, size_t n);

/*
 * From now on this process leaves no core dump, and no other of the same user may look into its
 * memory. Not with the address sanitizer, whose leak check has to look.
 */
int hg_secret_no_dumps(struct hg_error *err);

#endif
