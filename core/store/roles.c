#include "store/roles.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/advisory.h"

/* Of the advisory lock; any number that nobody else uses. */
#define LOCK_KEY "5260129372347"

#define ROLES      "'" HG_ROLE_USER "', '" HG_ROLE_LOAD "', '" HG_ROLE_READER "'"
#define ROLE_NAMES HG_ROLE_USER ", " HG_ROLE_LOAD ", " HG_ROLE_READER

static const struct hg_statement look = {
    "roles_look",
    "select exists (select from pg_catalog.pg_roles where rolname = '" HG_ROLE_USER
    "') as has_user,"
    " l.rolname is not null as has_load, coalesce(l.rolsuper, false) as load_is_super,"
    " coalesce(l.rolcanlogin, false) as load_can_login,"
    " exists (select from pg_catalog.pg_auth_members m"
    " join pg_catalog.pg_roles g on g.oid = m.roleid join pg_catalog.pg_roles b on b.oid = m.member"
    " where g.rolname = '" HG_ROLE_USER "' and b.rolname = '" HG_ROLE_LOAD "') as load_is_member,"
    " exists (select from pg_catalog.pg_roles where rolname = '" HG_ROLE_READER "') as has_reader,"
    " exists (select from pg_catalog.pg_auth_members m"
    " join pg_catalog.pg_roles g on g.oid = m.roleid join pg_catalog.pg_roles b on b.oid = m.member"
    " where g.rolname = '" HG_ROLE_USER "' and b.rolname = '" HG_ROLE_READER
    "') as reader_is_member,"
    " (select count(*) from pg_catalog.pg_roles g where g.rolname in (" ROLES ")"
    " and pg_catalog.pg_has_role($1::name, g.oid, 'USAGE')) = 3 as host_is_member"
    " from (select) one left join pg_catalog.pg_roles l on l.rolname = '" HG_ROLE_LOAD "'",
    1};

/* A role that does not inherit can be a member of all without having their rights. */
static const struct hg_statement look_at_host = {
    "roles_look_at_host",
    "select bool_and(pg_catalog.pg_has_role($1::name, g.oid, 'MEMBER')) as is_member,"
    " bool_and(pg_catalog.pg_has_role($1::name, g.oid, 'USAGE')) as inherits"
    " from pg_catalog.pg_roles g where g.rolname in (" ROLES ")",
    1};

static const struct hg_statement look_warehouse = {
    "roles_look_warehouse",
    "select pg_catalog.has_database_privilege('" HG_ROLE_USER "', pg_catalog.current_database(),"
    " 'CREATE') and pg_catalog.has_database_privilege('" HG_ROLE_LOAD "',"
    " pg_catalog.current_database(), 'CONNECT') as database_is_granted,"
    " exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n"
    " on n.oid = p.pronamespace where n.nspname = 'headgate' and p.proname = 'run_sql'"
    " and p.prosecdef and p.proowner = '" HG_ROLE_USER "'::pg_catalog.regrole"
    " and pg_catalog.has_function_privilege('" HG_ROLE_LOAD "', p.oid, 'EXECUTE')) as has_run_sql,"
    " exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n"
    " on n.oid = p.pronamespace where n.nspname = 'headgate' and p.proname = 'read_rows'"
    " and p.prosecdef and p.proowner = '" HG_ROLE_READER "'::pg_catalog.regrole) as has_read_rows,"
    " pg_catalog.has_schema_privilege('" HG_ROLE_USER "', 'public', 'CREATE') as public_is_granted",
    0};

/* Says which SQL a superuser has to run when `r` is a missing right. */
static int explain(struct hg_db *db, int r, struct hg_error *err)
{
    if (r != HG_EFORBIDDEN) {
        return r;
    }
    struct hg_buf role = HG_BUF_INIT;
    hg_quote_ident(&role, PQuser(hg_db_conn(db)));
    hg_error_set(err,
                 HG_EFORBIDDEN,
                 "the role %s may not manage the roles " ROLE_NAMES ", which Headgate needs",
                 hg_buf_text(&role));
    if (PQserverVersion(hg_db_conn(db)) < 160000) {
        (void)hg_error_hint(err,
                            "As a superuser of that server run: ALTER ROLE %s CREATEROLE;",
                            hg_buf_text(&role));
    } else {
        (void)hg_error_hint(
            err,
            "As a superuser of that server run: ALTER ROLE %s CREATEROLE; and, if they "
            "exist: GRANT " ROLE_NAMES " TO %s WITH ADMIN OPTION;",
            hg_buf_text(&role),
            hg_buf_text(&role));
    }
    hg_buf_free(&role);
    return HG_EFORBIDDEN;
}

static int run(struct hg_db *db, const char *sql, struct hg_error *err)
{
    int r = hg_db_simple(db, sql, NULL, err);
    return r == HG_EEXIST ? HG_OK : explain(db, r, err); /* another host was quicker */
}

/* Before version 16 a role inherits all that it is a member of, or nothing. */
static bool inherits_by_grant(struct hg_db *db)
{
    return PQserverVersion(hg_db_conn(db)) >= 160000;
}

static int grant_to_host(struct hg_db *db, const char *host_role, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql, "grant " ROLE_NAMES " to ");
    hg_quote_ident(&sql, host_role);
    hg_buf_puts(&sql, inherits_by_grant(db) ? " with inherit true" : "");
    return hg_buf_failed(&sql) ? hg_error_nomem(err) : run(db, hg_buf_text(&sql), err);
}

static int refuse_without_rights(struct hg_db *db, const char *host_role, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf role = HG_BUF_INIT;
    hg_quote_ident(&role, host_role);
    hg_error_set(err,
                 HG_EFORBIDDEN,
                 "the role %s is a member of " ROLE_NAMES
                 " but does not inherit their rights, which Headgate needs to end sessions of "
                 "workers and to drop staged rows",
                 hg_buf_text(&role));
    (void)hg_error_hint(err,
                        inherits_by_grant(db)
                            ? "As a superuser of that server run: GRANT " ROLE_NAMES
                              " TO %s WITH INHERIT TRUE;"
                            : "As a superuser of that server run: ALTER ROLE %s INHERIT;",
                        hg_buf_text(&role));
    return HG_EFORBIDDEN;
}

/* Makes the host a member of all, with their rights. */
static int let_host_in(struct hg_db *db, const char *host_role, struct hg_error *err)
{
    const char *const params[] = {host_role};
    HG_CLEANUP(hg_resultp) PGresult *before = NULL;
    HG_CLEANUP(hg_resultp) PGresult *after = NULL;
    int r = hg_db_exec(db, &look_at_host, params, &before, err);
    if (r == HG_OK && (!hg_result_bool(before, 0, "is_member") || inherits_by_grant(db))) {
        r = grant_to_host(db, host_role, err);
    }
    r = r < 0 ? r : hg_db_exec(db, &look_at_host, params, &after, err);
    return r < 0 || hg_result_bool(after, 0, "inherits")
               ? r
               : refuse_without_rights(db, host_role, err);
}

static int make_missing(struct hg_db *db,
                        const PGresult *found,
                        const char *host_role,
                        struct hg_error *err)
{
    int r = HG_OK;
    if (!hg_result_bool(found, 0, "has_user")) {
        r = run(db, "create role " HG_ROLE_USER " nologin", err);
    }
    if (r == HG_OK && !hg_result_bool(found, 0, "has_load")) {
        r = run(db, "create role " HG_ROLE_LOAD " login nocreatedb nocreaterole inherit", err);
    } else if (r == HG_OK && !hg_result_bool(found, 0, "load_can_login")) {
        r = run(db, "alter role " HG_ROLE_LOAD " login", err);
    }
    if (r == HG_OK && !hg_result_bool(found, 0, "load_is_member")) {
        r = run(db, "grant " HG_ROLE_USER " to " HG_ROLE_LOAD, err);
    }
    if (r == HG_OK && !hg_result_bool(found, 0, "has_reader")) {
        r = run(db, "create role " HG_ROLE_READER " nologin inherit", err);
    }
    if (r == HG_OK && !hg_result_bool(found, 0, "reader_is_member")) {
        r = run(db, "grant " HG_ROLE_USER " to " HG_ROLE_READER, err);
    }
    if (r == HG_OK && !hg_result_bool(found, 0, "host_is_member")) {
        r = let_host_in(db, host_role, err);
    }
    return r;
}

/* What several hosts change of one role at once fails in the server with an error of no kind. */
static int lock(struct hg_db *db, struct hg_error *err)
{
    return hg_advisory_lock(db, LOCK_KEY, "the roles", HG_ADVISORY_PATIENCE_MS, err);
}

static int ensure_locked(struct hg_db *db, const char *host_role, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *found = NULL;
    const char *const params[] = {host_role};
    int r = hg_db_exec(db, &look, params, &found, err);
    if (r < 0) {
        return r;
    }
    if (hg_result_bool(found, 0, "load_is_super")) {
        hg_error_set(err, HG_ECONFLICT, "the role " HG_ROLE_LOAD " is a superuser");
        (void)hg_error_hint(
            err,
            "Workers log in as it and must not have every right. As a superuser run: "
            "ALTER ROLE " HG_ROLE_LOAD " NOSUPERUSER;");
        return HG_ECONFLICT;
    }
    return make_missing(db, found, host_role, err);
}

int hg_roles_ensure(struct hg_db *db, const char *host_role, struct hg_error *err)
{
    int r = lock(db, err);
    if (r == HG_OK) {
        r = ensure_locked(db, host_role, err);
        hg_advisory_unlock(db, LOCK_KEY);
    }
    return r;
}

int hg_roles_set_password(struct hg_db *db, const char *password, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(db);
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    /* Hashed here, so that the password itself is in no statement and no log of the server. */
    char *verifier = PQencryptPasswordConn(conn, password, HG_ROLE_LOAD, "scram-sha-256");
    if (!verifier) {
        return hg_db_error(conn, NULL, err);
    }
    hg_buf_puts(&sql, "alter role " HG_ROLE_LOAD " password ");
    hg_quote_literal(&sql, verifier);
    PQfreemem(verifier);
    int r = hg_buf_failed(&sql) ? hg_error_nomem(err) : lock(db, err);
    if (r == HG_OK) {
        r = run(db, hg_buf_text(&sql), err);
        hg_advisory_unlock(db, LOCK_KEY);
    }
    return r;
}

int hg_roles_check_warehouse(struct hg_db *db, struct hg_error *err)
{
    static const struct {
        const char *name;
        const char *column;
    } functions[] = {{"run_sql", "has_run_sql"}, {"read_rows", "has_read_rows"}};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &look_warehouse, NULL, &result, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_buf_free) struct hg_buf name = HG_BUF_INIT;
    hg_quote_ident(&name, PQdb(hg_db_conn(db)));
    if (!hg_result_bool(result, 0, "database_is_granted")) {
        hg_error_set(err,
                     HG_EFORBIDDEN,
                     "the role %s may not grant rights on the database %s",
                     PQuser(hg_db_conn(db)),
                     hg_buf_text(&name));
        (void)hg_error_hint(
            err,
            "As its owner run: GRANT CREATE, TEMPORARY, CONNECT ON DATABASE %s TO " HG_ROLE_USER
            ", " HG_ROLE_LOAD ";",
            hg_buf_text(&name));
        return HG_EFORBIDDEN;
    }
    for (size_t i = 0; i < HG_COUNT(functions); i++) {
        if (!hg_result_bool(result, 0, functions[i].column)) {
            hg_error_set(err,
                         HG_ENOTFOUND,
                         "the function headgate.%s of the database %s is missing or was changed",
                         functions[i].name,
                         hg_buf_text(&name));
            (void)hg_error_hint(err, "Start Headgate again: it puts the function back.");
            return HG_ENOTFOUND;
        }
    }
    if (!hg_result_bool(result, 0, "public_is_granted")) {
        hg_error_set(err,
                     HG_EFORBIDDEN,
                     "the role %s may not grant rights on the schema public of %s",
                     PQuser(hg_db_conn(db)),
                     hg_buf_text(&name));
        (void)hg_error_hint(
            err,
            "As its owner run there: GRANT USAGE, CREATE ON SCHEMA public TO " HG_ROLE_USER ";");
        return HG_EFORBIDDEN;
    }
    return HG_OK;
}
