/*
 * API tokens: "hgt_", 30 base62 characters and 6 more that are the CRC-32 of these, by which a scan
 * of files tells a token from chance. The database holds their SHA-256 alone; a token is shown
 * once. It may do at most what its own role says and what its owner may at the moment of its use.
 *
 * All [any] thread; all wait for the database.
 */
#ifndef HG_AUTH_TOKENS_H
#define HG_AUTH_TOKENS_H

#include <stdbool.h>

#include <jansson.h>

#include "auth/auth.h"
#include "store/page.h"

enum {
    HG_API_TOKEN = 41,      /* with the NUL */
    HG_API_TOKEN_DAYS = 90, /* it lives, unless said otherwise */
    HG_API_TOKEN_DAYS_MAX = 365,
};

/* Whether a text has the form of a token, its check characters too. Asks no database. */
bool hg_token_has_form(const char *text);
/* Whose token this is, and that it was used. HG_EUNAUTHENTICATED when it is none, over or ended. */
int hg_token_check(struct hg_auth *auth,
                   const char *token,
                   struct hg_principal *ret_who,
                   struct hg_error *err);

struct hg_token_request {
    const char *name;
    const char *role; /* NULL: as `owner` has it */
    int days;
};
/*
 * Makes a token of `owner`; with a token of his it ends with that one at the latest. *ret is
 * {"id", "name", "role", "hint", ..., "token"}. HG_EINVAL for a name that is none, or a role above
 * the owner's.
 */
int hg_token_create(struct hg_auth *auth,
                    const struct hg_principal *owner,
                    const struct hg_token_request *request,
                    json_t **ret,
                    struct hg_error *err);
/* A page of the tokens of `username`, newest first. HG_EINVAL for a cursor that is none. */
int hg_token_list(struct hg_auth *auth,
                  const char *username,
                  const struct hg_page *page,
                  json_t **ret,
                  struct hg_error *err);
/* Ends a token of `by`, for an admin anybody's; what it made ends too. HG_ENOTFOUND. */
int hg_token_delete(struct hg_auth *auth,
                    const struct hg_principal *by,
                    const char *id,
                    struct hg_error *err);

#endif
