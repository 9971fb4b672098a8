/*
 * How workers log in to a warehouse that is given by URL: as headgate_load, with one password for
 * all hosts. It stands in the metadata database and is made once; a start finds it there. The role
 * has it set when it is made, and again when the server refuses it, as one does that was restored
 * from a backup. A server that asks for no password takes any.
 */
#ifndef HG_STORE_WORKER_LOGIN_H
#define HG_STORE_WORKER_LOGIN_H

#include "store/db.h"

/*
 * Both databases are migrated; `warehouse_url` is the host's own. *ret_url holds the password and
 * is owned by the caller, free. Tries the login, so that HG_OK means that workers get in.
 * HG_EUNAUTHENTICATED when the server lets no worker in, HG_EFORBIDDEN with the SQL to run when the
 * password would have to be set and the host's role may not.
 */
int hg_worker_login_ensure(struct hg_db *metadata,
                           struct hg_db *warehouse,
                           const char *warehouse_url,
                           char **ret_url,
                           struct hg_error *err);

#endif
