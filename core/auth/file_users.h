/*
 * Users whom the host's files name.
 *
 * A file's word goes over what was there: a user of that name is taken over, with role and
 * password. One whose entry is gone is disabled and keeps its row, so that it comes back with the
 * entry; its sessions and tokens end. What is as the file says already stays untouched, so that
 * the same files may be applied again, and by several hosts at once. All [any] thread.
 */
#ifndef HG_AUTH_FILE_USERS_H
#define HG_AUTH_FILE_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/auth.h"

/* All borrowed. */
struct hg_file_user {
    const char *username;
    const char *password;
    const char *role;
    const char *file; /* as the API names it: "users/ada.yaml" */
};

/* HG_EINVAL with a pointer for what breaks the rules (auth/rules.h). Asks no database. */
int hg_file_user_check(const struct hg_file_user *user, struct hg_error *err);
/*
 * Makes the users of files what `users` says, all of them or none; each is right by
 * hg_file_user_check and each name stands once. Takes tens of milliseconds for each whose password
 * or hash was not applied before in this life of the host (auth/known.h). HG_ECONFLICT when no
 * admin who can sign in would be left.
 */
int hg_file_users_apply(struct hg_auth *auth,
                        const struct hg_file_user *users,
                        size_t n,
                        struct hg_error *err);
/* Whether one of them is an admin. */
bool hg_file_users_have_admin(const struct hg_file_user *users, size_t n);

#endif
