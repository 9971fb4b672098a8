/*
 * The operating system's user that the host runs as.
 */
#ifndef HG_STORE_ACCOUNT_H
#define HG_STORE_ACCOUNT_H

#include <stdbool.h>

#include "base/error.h"

#define HG_ACCOUNT_USER "headgate"

struct hg_account_path {
    const char *what; /* "the plugins" */
    const char *path; /* absolute; NULL is passed over */
};

/*
 * Started as root: makes `data_dir` (absolute), gives it to `user` and becomes that user for good,
 * with its groups, HOME, USER and LOGNAME. Then, whoever we are, checks that the data dir and every
 * one of `paths` (ended by a NULL `what`) can be reached. *ret_changed (may be NULL): whether the
 * user changed. Call it before there are threads, plugins or sockets.
 *
 * HG_ENOTFOUND when there is no such user (says how to make it), HG_EFORBIDDEN when a folder is in
 * the way (names the first one) or the data dir belongs to somebody else.
 */
int hg_account_become(const char *user,
                      const char *data_dir,
                      const struct hg_account_path *paths,
                      bool *ret_changed,
                      struct hg_error *err);

/*
 * HG_EFORBIDDEN, naming the first folder that we may not enter, or `path` itself when that may not
 * be read; HG_ENOTFOUND when it is not there. For error texts `what` says what the path is.
 */
int hg_account_check_path(const char *what, const char *path, struct hg_error *err);

/*
 * Sees files as `user` would, in the same process, until hg_account_look_back: for a program with
 * one thread that is root. HG_ENOTFOUND when there is no such user.
 */
int hg_account_look_as(const char *user, struct hg_error *err);
void hg_account_look_back(void);

#endif
