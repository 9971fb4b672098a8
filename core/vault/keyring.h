/*
 * Master keys in locked memory, and the form they have in a file: a line for each, its number and
 * 64 hex digits. What begins with # is a comment.
 *
 * One thread at a time.
 */
#ifndef HG_VAULT_KEYRING_H
#define HG_VAULT_KEYRING_H

#include <stdint.h>

#include "base/secret.h"

enum {
    HG_KEY_BYTES = 32,
    HG_CHECK_BYTES = 32, /* of a key's check value */
    HG_KEYS_MAX = 64,    /* in one file */
    HG_KEY_FILE_MAX = 16 << 10,
};

struct hg_master_key {
    int32_t kid;
    unsigned char key[HG_KEY_BYTES];
    /* HMAC-SHA256 by the key over a fixed text and its number: says whether two are the same one
     * without being one. */
    unsigned char check[HG_CHECK_BYTES];
};

struct hg_keyring {
    size_t n;
    struct hg_master_key keys[HG_KEYS_MAX]; /* by number, upwards */
};

/* An empty one in the arena. Owned by the caller, hg_secret_release. */
int hg_keyring_new(struct hg_keyring **ret, struct hg_error *err);
static inline void hg_keyring_freep(struct hg_keyring **keyring)
{
    hg_secret_release(*keyring);
    *keyring = NULL;
}

/* NULL when there is none of this number. Borrowed until the keyring changes. */
const struct hg_master_key *hg_keyring_find(const struct hg_keyring *keyring, int32_t kid);
/* The one with the highest number; NULL when it is empty. */
const struct hg_master_key *hg_keyring_newest(const struct hg_keyring *keyring);

/* Adds a new random key. HG_EEXIST for a number that is there, HG_ETOOBIG when it is full. */
int hg_keyring_make(struct hg_keyring *keyring, int32_t kid, struct hg_error *err);
/* Takes out a key; nothing happens when there is none of this number. */
void hg_keyring_drop(struct hg_keyring *keyring, int32_t kid);

/*
 * Reads the form that it has in a file. `text` is in the arena. HG_EDATA with the line that is
 * wrong; nothing of the line is quoted.
 */
int hg_keyring_parse(struct hg_keyring *keyring,
                     const struct hg_secret *text,
                     struct hg_error *err);
/* The same, written. Owned by the caller. */
int hg_keyring_format(const struct hg_keyring *keyring,
                      struct hg_secret **ret_text,
                      struct hg_error *err);

#endif
