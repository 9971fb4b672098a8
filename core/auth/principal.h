/*
 * Who asks: one struct, from where a request comes in down to where its change is written.
 */
#ifndef HG_AUTH_PRINCIPAL_H
#define HG_AUTH_PRINCIPAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "auth/roles.h"
#include "base/uuid.h"

enum { HG_USERNAME_MAX = 64 }; /* bytes */

enum hg_principal_kind {
    HG_PRINCIPAL_NOBODY, /* has not signed in */
    HG_PRINCIPAL_USER,   /* by a session */
    HG_PRINCIPAL_TOKEN,  /* by an API token */
    HG_PRINCIPAL_LOCAL,  /* on the host's machine, as its user or root: the command line */
    HG_PRINCIPAL_FILE,   /* a file of the host's, which is applied */
};

struct hg_principal {
    enum hg_principal_kind kind;
    /* Of an operating system's user for LOCAL, "file" for FILE, "" for nobody. */
    char username[HG_USERNAME_MAX + 1];
    enum hg_role role;             /* with a token what it may, never more than its owner */
    char sign_in_id[HG_UUID_TEXT]; /* of the session or API token; "" without */
    const char *address;           /* borrowed; NULL where there is none, also below */
    const char *request_id;
};

/* "user", "token", "local", "file", "nobody". Static. */
const char *hg_principal_kind_name(enum hg_principal_kind kind);
/* The operating system's user `uid`, by name where it has one. [any] thread. */
struct hg_principal hg_principal_local(uid_t uid);
/* Who changes what the host's files say. */
struct hg_principal hg_principal_file(void);

#endif
