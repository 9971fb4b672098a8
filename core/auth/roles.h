/*
 * Roles, from least to most: each may do what those before it may.
 *
 *     viewer           states and counts; no rows, samples, payloads, logs
 *     data_scientist   reads everything but users and audit; triggers runs
 *     admin            everything
 */
#ifndef HG_AUTH_ROLES_H
#define HG_AUTH_ROLES_H

#include <stdbool.h>

#include "base/error.h"

enum hg_role {
    HG_ROLE_NONE = 0,
    HG_ROLE_VIEWER = 1,
    HG_ROLE_DATA_SCIENTIST = 2,
    HG_ROLE_ADMIN = 3,
};

/* "admin" and so on; "none" for anything else. Static. */
const char *hg_role_name(enum hg_role role);
/* HG_EINVAL with the roles that there are. */
int hg_role_parse(const char *text, enum hg_role *ret, struct hg_error *err);
/* Whether a user of role `have` may do what needs role `needed`. */
bool hg_role_allows(enum hg_role have, enum hg_role needed);

#endif
