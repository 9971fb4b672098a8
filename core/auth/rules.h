/*
 * What names and passwords may be. Passwords have a length and are none of the commonest; no mix of
 * kinds of characters is asked for, and none expires (NIST SP 800-63B).
 */
#ifndef HG_AUTH_RULES_H
#define HG_AUTH_RULES_H

#include "base/error.h"

enum {
    HG_PASSWORD_MIN = 12, /* characters */
    HG_NAME_MAX = 100,    /* characters of a token's name */
};

/* 1 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit. HG_EINVAL, pointer /username. */
int hg_rules_username(const char *username, struct hg_error *err);
/* HG_EINVAL with err->pointer set to `pointer`. The message never holds the password. */
int hg_rules_password(const char *password,
                      const char *username,
                      const char *pointer,
                      struct hg_error *err);
/* 1 to 100 characters, none of them a control character. HG_EINVAL, pointer /name. */
int hg_rules_name(const char *name, struct hg_error *err);

#endif
