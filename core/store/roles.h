/*
 * The roles beside the host's own:
 *     headgate_user  no login; owns users' schemas and tables, users' SQL runs as it
 *     headgate_load  the login of workers; a member of headgate_user
 *     headgate_reader  no login; a member of headgate_user, as whom the host reads what users made
 * Roles belong to the whole server. Under PostgreSQL peer authentication no password is needed.
 */
#ifndef HG_STORE_ROLES_H
#define HG_STORE_ROLES_H

#include "store/db.h"

#define HG_ROLE_LOAD   "headgate_load"
#define HG_ROLE_USER   "headgate_user"
#define HG_ROLE_READER "headgate_reader"

/*
 * For every session in the warehouse: users make functions and operators there, and an unqualified
 * name of ours must never find one of theirs. Write schema names in SQL for the warehouse. A server
 * process whose client is gone ends its statement at once, and its locks, for which a retry waits.
 */
#define HG_WAREHOUSE_OPTIONS "-c search_path=pg_catalog -c client_connection_check_interval=100"
/* In the metadata database all is in public, also when the role has another path of its own. */
#define HG_METADATA_OPTIONS "-c search_path=public"

/*
 * Makes what is missing of the roles and memberships; `host_role` becomes a member of all: it
 * makes what belongs to headgate_user, drops stages and ends sessions of headgate_load.
 * HG_EFORBIDDEN with the SQL to run when the session's role may not, HG_ECONFLICT when
 * headgate_load exists but is a superuser.
 */
int hg_roles_ensure(struct hg_db *db, const char *host_role, struct hg_error *err);

/* HG_EFORBIDDEN with the SQL to run when the session's role may not. See worker_login.h. */
int hg_roles_set_password(struct hg_db *db, const char *password, struct hg_error *err);

/*
 * After the warehouse's migrations: whether functions are there as they must be (HG_ENOTFOUND)
 * and the grants have taken (HG_EFORBIDDEN with the SQL to run): a GRANT by a role that does not
 * own the database only warns.
 */
int hg_roles_check_warehouse(struct hg_db *db, struct hg_error *err);

#endif
