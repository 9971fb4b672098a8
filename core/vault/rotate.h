/*
 * A new master key, while hosts run.
 *
 * The new key goes into the file (and the disk) first, then becomes the active one, then each
 * secret's key is sealed with it, in batches; the old key goes when no secret uses it. Secrets
 * themselves are not opened. Whenever it is interrupted, every secret opens, and the next rotation
 * goes on where this one ended.
 *
 * Several hosts: each needs the new key in its file before it is made active. A host without it can
 * open nothing that was sealed anew until it has it; nothing is lost by that.
 */
#ifndef HG_VAULT_ROTATE_H
#define HG_VAULT_ROTATE_H

#include "vault/vault.h"

struct hg_principal;

struct hg_rotation {
    int32_t kid;      /* the new key; 0: there is no key yet, nothing was done */
    bool resumed;     /* one that was interrupted was finished, and no new key made */
    bool prepared;    /* the key is in the file, and not active yet */
    int64_t n_total;  /* secrets that had an older key at the start */
    int64_t n_done;   /* of these, how many have the new one by now */
    int64_t n_failed; /* whose seal is broken: they keep the old key, and the old key stays */
    char broken[200]; /* names one of these */
    bool old_stays;   /* an old key could not be taken out of the file; `why` says why */
    struct hg_error why;
};

/* After each batch; `rotation` is borrowed until the call returns. */
typedef void hg_rotation_progress(void *arg, const struct hg_rotation *rotation);

struct hg_rotation_options {
    bool only_prepare;             /* put the key into the file, to be copied to the other hosts */
    const struct hg_principal *by; /* who asks, for the audit log; may be NULL */
    hg_rotation_progress *on_progress; /* may be NULL */
    void *arg;
};

/*
 * HG_ECONFLICT when another rotation is at work, when other hosts use the database and the key was
 * not prepared, and when secrets need a key that the file lacks; HG_EDATA when secrets are broken,
 * once all others have the new key (*ret is filled then, too).
 */
int hg_vault_rotate(struct hg_vault *vault,
                    const struct hg_rotation_options *options,
                    struct hg_rotation *ret,
                    struct hg_error *err);

#endif
