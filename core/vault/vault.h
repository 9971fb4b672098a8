/*
 * Secrets at rest: stored sealed in the metadata database, opened only here, in the host. Workers,
 * plugins and the API never get one. There is no mode without sealing.
 *
 * A secret is named by the table, id and field of what it belongs to, and bound to where it may be
 * sent. Master keys are in a file (vault/key_file.h); which of them is active says the database
 * (table vault_key), so that several hosts agree. All hosts on one database need the same file.
 *
 * [any] thread. All functions wait for the database: never call them from an HTTP thread.
 */
#ifndef HG_VAULT_VAULT_H
#define HG_VAULT_VAULT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"
#include "store/db.h"

struct hg_vault;

struct hg_vault_options {
    struct hg_pool *metadata; /* borrowed until hg_vault_close */
    const char *key_file;     /* NULL: <data_dir>/master.key, which is made with the first secret */
    const char *data_dir;
    const char *host; /* its name in the table of hosts; copied; NULL: none of them */
};

/*
 * Fails when secrets are stored that the file of master keys does not open: HG_ECONFLICT, naming
 * the key and how many secrets need it. HG_ENOTFOUND for a file that is configured and missing,
 * HG_EFORBIDDEN for one that others may use. Nothing is changed. Owned by the caller.
 */
int hg_vault_open(const struct hg_vault_options *options,
                  struct hg_vault **ret,
                  struct hg_error *err);
/* NULL is fine. No secret of it need have been freed. */
void hg_vault_close(struct hg_vault *vault);
HG_DEFINE_CLEANUP(hg_vault_closep, struct hg_vault *, hg_vault_close)

/* What the host says about it. */
struct hg_vault_state {
    bool locked;   /* secrets in use cannot be swapped out */
    int32_t kid;   /* of the active key, 0: there is none yet */
    int64_t wraps; /* how often it has sealed */
    bool is_worn;  /* so often that it should be rotated */
};
int hg_vault_look(struct hg_vault *vault, struct hg_vault_state *ret, struct hg_error *err);
/* Appends how often the active key has sealed, and may; nothing while the database is away. */
void hg_vault_put_metrics(struct hg_vault *vault, struct hg_buf *buf);

/* Whose secret it is; all borrowed. None of the texts is empty or secret. */
struct hg_secret_name {
    const char *table; /* "alert_channel" */
    const char *owner; /* its id */
    const char *field; /* "password" */
    /*
     * Where it may be sent: "https://hooks.example.com:443", ended by NULL, in any order; NULL:
     * nowhere. Always taken from what the owner is configured with now: a secret does not open for
     * other ones than it was stored with.
     */
    const char *const *origins;
};

/*
 * Stores a secret or replaces it, within a transaction of the caller's on the metadata database:
 * it is there when that commits. `value` is the caller's to wipe. The first one makes the file of
 * master keys, where none is configured. HG_EINVAL for an empty value, HG_ETOOBIG over
 * HG_SECRET_MAX, HG_ECONFLICT when the active key is not in the file or has sealed 2^31 times.
 */
int hg_vault_put(struct hg_vault *vault,
                 struct hg_db *db,
                 const struct hg_secret_name *name,
                 const void *value,
                 size_t n,
                 struct hg_error *err);

/*
 * Opens a secret; `db` is on the metadata database. *ret is owned by the caller, hg_secret_free:
 * soon. HG_ENOTFOUND when there is none; HG_EDATA when it was changed, moved or cut outside of
 * here, or its origins are others now; HG_ECONFLICT when its key is not in the file.
 */
int hg_vault_get(struct hg_vault *vault,
                 struct hg_db *db,
                 const struct hg_secret_name *name,
                 struct hg_secret **ret,
                 struct hg_error *err);

/*
 * Removes a secret, with `field` NULL all of its owner's, on any connection to the metadata
 * database. None being there is no error.
 */
int hg_vault_delete(struct hg_db *db,
                    const char *table,
                    const char *owner,
                    const char *field,
                    struct hg_error *err);

#endif
