/*
 * The file of master keys.
 */
#ifndef HG_VAULT_KEY_FILE_H
#define HG_VAULT_KEY_FILE_H

#include "vault/keyring.h"

/*
 * Reads it into *ret, owned by the caller. It must be a file of the process's user or root's, which
 * nobody else may read or write, and no symbolic link: HG_EFORBIDDEN. HG_ENOTFOUND when there is
 * none; HG_EDATA for what it cannot hold.
 */
int hg_key_file_read(const char *path, struct hg_keyring **ret, struct hg_error *err);

/*
 * Writes it, in one step and to the disk, with the mode of the old one. `fresh`: HG_EEXIST, and
 * nothing is changed, when there is a file already.
 */
int hg_key_file_write(const char *path,
                      const struct hg_keyring *keyring,
                      bool fresh,
                      struct hg_error *err);

#endif
