#include "store/worker_login.h"

#include <string.h>

#include <openssl/crypto.h>

#include "store/conninfo.h"
#include "store/roles.h"

#define WRONG_PASSWORD "28P01"

/* The server makes the password, so that it is in no statement and in no log of statements. */
static const struct hg_statement make_password = {
    "worker_login_make", "insert into worker_login default values on conflict do nothing", 0};

/* Apart from the above: what another host made meanwhile is seen only by a later statement. */
static const struct hg_statement get_password = {
    "worker_login_get", "select password from worker_login", 0};

/* The workers' URL. *ret_made: nobody can have set its password in the server before. */
static int find(struct hg_db *metadata,
                const char *warehouse_url,
                char **ret_url,
                bool *ret_made,
                PGresult **ret,
                struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *made = NULL;
    int r = hg_db_exec(metadata, &make_password, NULL, &made, err);
    r = r < 0 ? r : hg_db_exec(metadata, &get_password, NULL, ret, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(*ret) == 0) {
        return hg_error_set(err, HG_ECONFLICT, "the password of workers was taken away meanwhile");
    }
    /* A certificate or a password file of the host's own must not go along. */
    const struct hg_conninfo_part parts[] = {{"user", HG_ROLE_LOAD},
                                             {"password", hg_result_text(*ret, 0, "password")},
                                             {"passfile", NULL},
                                             {"sslcert", NULL},
                                             {"sslkey", NULL},
                                             {"sslpassword", NULL},
                                             {NULL, NULL}};
    *ret_made = strcmp(PQcmdTuples(made), "1") == 0;
    return hg_conninfo_with(warehouse_url, parts, ret_url, err);
}

static int log_in(const char *url, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_db_connect(url, "headgate", &db, err);
    if (r < 0) {
        (void)hg_error_wrap(err, "workers cannot log in as " HG_ROLE_LOAD);
    }
    if (r == HG_EUNAUTHENTICATED) {
        (void)hg_error_hint(err,
                            "Let that role in with a password, in the server's pg_hba.conf: host "
                            "<warehouse> " HG_ROLE_LOAD " <this machine> scram-sha-256");
    }
    return r;
}

static bool is_wrong_password(int r, const struct hg_error *err)
{
    return r == HG_EUNAUTHENTICATED && strcmp(err->sqlstate, WRONG_PASSWORD) == 0;
}

/*
 * All hosts have the one password, so it does no harm that several set it at once. A host without
 * the right to set it may go on where the server asks for none, or somebody else has set it.
 */
static int set_and_log_in(struct hg_db *warehouse,
                          const char *url,
                          const char *password,
                          struct hg_error *err)
{
    struct hg_error forbidden = HG_ERROR_INIT;
    struct hg_error refusal = HG_ERROR_INIT;
    int r_set = hg_roles_set_password(warehouse, password, &forbidden);
    int r = r_set < 0 && r_set != HG_EFORBIDDEN ? r_set : log_in(url, &refusal);
    if (r < 0) {
        bool is_for_setting = r_set < 0 && (r == r_set || is_wrong_password(r, &refusal));
        hg_error_copy(err, is_for_setting ? &forbidden : &refusal);
        return is_for_setting ? r_set : r;
    }
    return HG_OK;
}

static int check(
    struct hg_db *warehouse, const char *url, const char *password, bool made, struct hg_error *err)
{
    struct hg_error refusal = HG_ERROR_INIT;
    int r = made ? HG_OK : log_in(url, &refusal);
    if (made || is_wrong_password(r, &refusal)) {
        return set_and_log_in(warehouse, url, password, err);
    }
    if (r < 0) {
        hg_error_copy(err, &refusal);
    }
    return r;
}

int hg_worker_login_ensure(struct hg_db *metadata,
                           struct hg_db *warehouse,
                           const char *warehouse_url,
                           char **ret_url,
                           struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *url = NULL;
    HG_CLEANUP(hg_resultp) PGresult *found = NULL;
    bool made = false;
    int r = find(metadata, warehouse_url, &url, &made, &found, err);
    r = r < 0 ? r : check(warehouse, url, hg_result_text(found, 0, "password"), made, err);
    if (r == HG_OK) {
        *ret_url = HG_TAKE(url);
    } else if (url) {
        OPENSSL_cleanse(url, strlen(url));
    }
    return r;
}
