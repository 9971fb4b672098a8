/*
 * The master keys of a vault: those of its file and those that the database says are in use.
 */
#ifndef HG_VAULT_VAULT_KEYS_H
#define HG_VAULT_VAULT_KEYS_H

#include "vault/internal.h"

/* A key as the database has it. */
struct hg_key_row {
    int32_t kid;
    unsigned char check[HG_CHECK_BYTES];
    int64_t wraps;
};

/* Appends the bytes that stand in a cell in hex. HG_EDATA for what is none. */
int hg_vault_bytes(
    const PGresult *result, int row, const char *column, struct hg_buf *ret, struct hg_error *err);
/* Their hex digits. */
void hg_vault_hex(struct hg_buf *to, const void *bytes, size_t n);

/* Reads a key from columns kid, check_value (hex) and wraps (may be missing). */
int hg_vault_read_key(const PGresult *result,
                      int row,
                      struct hg_key_row *ret,
                      struct hg_error *err);

/* Reads the file anew. Under the vault's mutex. */
int hg_vault_reload(struct hg_vault *vault, struct hg_error *err);

/*
 * The key of the file that is `row`. Reads the file anew when it has none: it may have got one
 * meanwhile. Under the vault's mutex, and borrowed until that is given back. HG_ENOTFOUND when the
 * file lacks it or has another one of this number.
 */
int hg_vault_find_key(struct hg_vault *vault,
                      const struct hg_key_row *row,
                      const struct hg_master_key **ret,
                      struct hg_error *err);

/* Turns HG_ENOTFOUND of the above into "key 3, used by 12 secrets, is not in the file ...". */
int hg_vault_tell_missing(struct hg_vault *vault,
                          struct hg_db *db,
                          const struct hg_key_row *row,
                          struct hg_error *err);

/* Whether all secrets can be opened: see hg_vault_open. */
int hg_vault_check_keys(struct hg_vault *vault, struct hg_db *db, struct hg_error *err);

/*
 * Makes a key active where there is none, or where the active one is not in the file and no secret
 * at all is stored. Within a transaction. HG_ECONFLICT when it would leave secrets behind.
 */
int hg_vault_begin_keys(struct hg_vault *vault, struct hg_db *db, struct hg_error *err);

/* Makes `key` the active one, within a transaction. */
int hg_vault_activate(struct hg_db *db, const struct hg_master_key *key, struct hg_error *err);

/* The highest number that a key has or had here; 0: none. */
int hg_vault_highest_kid(struct hg_db *db, int32_t *ret, struct hg_error *err);

#endif
