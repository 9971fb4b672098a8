/*
 * How a secret is sealed: AES-256-GCM with a key of its own, which is sealed with a master key.
 *
 *     sealed key    "HGK" form algorithm kid nonce key' tag        (1 1 4 12 32 16 bytes)
 *     sealed value  "HGV" form algorithm     nonce value' tag      (1 1   12  n 16 bytes)
 *
 * What is bound to both without standing in them (additional data, each part with its length):
 * which of the two it is, what stands ahead of the nonce (the master key's number with it), the
 * table, owner and field that it belongs to, its version, and where it may be sent. So no sealed
 * thing opens in another's place.
 *
 * Each key of a secret seals once: a new value gets a new key. [any] thread.
 */
#ifndef HG_VAULT_SEAL_H
#define HG_VAULT_SEAL_H

#include "base/buf.h"
#include "vault/keyring.h"

enum {
    HG_NONCE_BYTES = 12,
    HG_TAG_BYTES = 16,
    HG_SEALED_KEY_BYTES = 5 + 4 + HG_NONCE_BYTES + HG_KEY_BYTES + HG_TAG_BYTES,
    HG_SEALED_VALUE_BYTES = 5 + HG_NONCE_BYTES + HG_TAG_BYTES, /* more than the value */
    HG_ORIGINS_BYTES = 32,
};

/* Whose it is; borrowed. */
struct hg_seal_context {
    const char *table;
    const char *owner;
    const char *field;
    int64_t version;
    unsigned char origins[HG_ORIGINS_BYTES];
};

/*
 * Of origins in any order, ended by NULL; NULL is none. HG_ETOOBIG for more than 64.
 */
int hg_seal_origins(const char *const *origins,
                    unsigned char ret[HG_ORIGINS_BYTES],
                    struct hg_error *err);

/* `ret_value` is appended to. */
int hg_seal(const struct hg_master_key *master,
            const struct hg_seal_context *context,
            const void *value,
            size_t n,
            unsigned char ret_key[HG_SEALED_KEY_BYTES],
            struct hg_buf *ret_value,
            struct hg_error *err);

/*
 * HG_EDATA for what was changed, cut, moved, or is not of `master`; not a byte of it is given then.
 * *ret is owned by the caller.
 */
int hg_unseal(const struct hg_master_key *master,
              const struct hg_seal_context *context,
              const struct hg_buf *sealed_key,
              const struct hg_buf *sealed_value,
              struct hg_secret **ret,
              struct hg_error *err);

/* Seals the key of a secret with another master key; the secret itself is not opened. */
int hg_reseal(const struct hg_master_key *from,
              const struct hg_master_key *to,
              const struct hg_seal_context *context,
              const struct hg_buf *sealed_key,
              unsigned char ret_key[HG_SEALED_KEY_BYTES],
              struct hg_error *err);

#endif
