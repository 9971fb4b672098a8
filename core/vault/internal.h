/*
 * What the files of the vault share.
 */
#ifndef HG_VAULT_INTERNAL_H
#define HG_VAULT_INTERNAL_H

#include <pthread.h>

#include "vault/keyring.h"
#include "vault/vault.h"

/* After so many seals with random nonces a key is due, and then refused (SP 800-38D, 8.3). */
#define HG_WRAPS_WORN (INT64_C(1) << 28)
#define HG_WRAPS_MAX  (INT64_C(1) << 31)

struct hg_vault {
    struct hg_pool *metadata;
    char *path;    /* of the file of master keys */
    char *host;    /* NULL: in no table */
    bool may_make; /* the file, when it is not there */
    bool locked;   /* the arena */
    pthread_mutex_t mutex;
    struct hg_keyring *keyring; /* under mutex; NULL: not read yet */
};

#endif
