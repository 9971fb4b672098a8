/* Users of the host's files, applied to a real PostgreSQL. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/file_users.h"
#include "auth/password.h"
#include "auth/sessions.h"
#include "auth/tokens.h"
#include "auth/users.h"
#include "base/mem.h"
#include "shared_pg.h"
#include "store/db.h"

#define ADA_S  "a word for ada alone"
#define BEN_S  "a word for ben alone"
#define PLACE  "users/people.yaml"
#define ADMINS "select count(*) from user_account where role = 'admin' and not disabled"

static struct hg_pool *pool;
static struct hg_error err;

static const struct hg_file_user both[] = {
    {"ada", ADA_S, "admin", PLACE},
    {"ben", BEN_S, "viewer", PLACE},
};

static const struct hg_principal stranger = {.address = "192.0.2.1"};
static const struct hg_principal root = {.kind = HG_PRINCIPAL_LOCAL, .role = HG_ROLE_ADMIN};

static int start_server(void **state)
{
    return start_pg(state) != 0 ? -1 : hg_pool_new(hg_test_pg_metadata(pg), 4, "test", &pool, NULL);
}

static int stop_server(void **state)
{
    hg_pool_free(pool);
    return stop_pg(state);
}

static int start(void **state)
{
    err = (struct hg_error)HG_ERROR_INIT;
    return hg_test_pg_reset(pg) != 0 || hg_auth_new(pool, (struct hg_auth **)state, NULL) < 0 ? -1
                                                                                              : 0;
}

static int stop(void **state)
{
    hg_auth_free(*state);
    return 0;
}

static void sql(const char *text)
{
    assert_int_equal(hg_test_pg_sql(pg, "metadata", text), 0);
}

/* The text that a query gives, "" without a row; owned by the caller. */
static char *text_of(const char *query)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error why = HG_ERROR_INIT;
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, &why), HG_OK);
    if (hg_db_simple(db, query, &result, &why) < 0) {
        fail_msg("%s", why.message);
    }
    char *text = strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    assert_non_null(text);
    return text;
}

static void gives(const char *query, const char *expected)
{
    HG_CLEANUP(hg_freep) char *text = text_of(query);
    assert_string_equal(text, expected);
}

static void apply(void *auth, const struct hg_file_user *users, size_t n)
{
    if (hg_file_users_apply(auth, users, n, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

static int log_in(void *auth, const char *name, const char *password)
{
    char token[HG_SESSION_TOKEN];
    struct hg_principal who;
    const struct hg_auth_attempt attempt = {name, password, "test/1", &stranger};
    return hg_auth_login(auth, &attempt, &who, token, &err);
}

static void make_token(void *auth, const char *name)
{
    struct hg_principal owner = {.kind = HG_PRINCIPAL_USER, .role = HG_ROLE_VIEWER};
    json_t *made = NULL;
    (void)snprintf(owner.username, sizeof owner.username, "%s", name);
    const struct hg_token_request request = {"a token", NULL, 1};
    assert_int_equal(hg_token_create(auth, &owner, &request, &made, &err), HG_OK);
    json_decref(made);
}

static void test_users_are_made_and_stay_untouched(void **state)
{
    apply(*state, both, 2);
    assert_int_equal(log_in(*state, "ada", ADA_S), HG_OK);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    gives("select string_agg(concat_ws(' ', username, role, origin, file), ',' order by username)"
          " from user_account",
          "ada admin file " PLACE ",ben viewer file " PLACE);
    gives("select string_agg(concat_ws(' ', actor_kind, actor, action, object), ',' order by seq)"
          " from audit where actor_kind = 'file'",
          "file file user.create ada,file file user.create ben");
    /* Nothing is written again, and nobody is signed out. */
    HG_CLEANUP(hg_freep)
    char *before = text_of("select string_agg(u::text, ',' order by username) from user_account u");
    apply(*state, both, 2);
    gives("select string_agg(u::text, ',' order by username) from user_account u", before);
    gives("select count(*) from session", "2");
    gives("select count(*) from audit where actor_kind = 'file'", "2");
}

static void test_what_a_file_changes(void **state)
{
    const struct hg_file_user changed[] = {
        {"ada", ADA_S, "admin", PLACE},
        {"ben", "another word for ben", "data_scientist", "users/ben.yaml"},
    };
    apply(*state, both, 2);
    assert_int_equal(log_in(*state, "ada", ADA_S), HG_OK);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    apply(*state, changed, 2);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_EUNAUTHENTICATED);
    gives("select string_agg(username, ',') from session", "ada");
    gives("select role || ' ' || file from user_account where username = 'ben'",
          "data_scientist users/ben.yaml");
    gives("select object || ' ' || array_to_string(fields, ',') from audit"
          " where actor_kind = 'file' order by seq desc limit 1",
          "ben role,password,file");
    assert_int_equal(log_in(*state, "ben", "another word for ben"), HG_OK);
}

/* Argon2 takes tens of milliseconds each: what was applied once is known. */
static void test_the_same_files_again_cost_nothing(void **state)
{
    const struct hg_file_user changed[] = {both[0],
                                           {"ben", "another word for ben", "viewer", PLACE}};
    unsigned long before = hg_password_worked();
    apply(*state, both, 2);
    assert_int_equal(hg_password_worked() - before, 2);
    apply(*state, both, 2);
    assert_int_equal(hg_password_worked() - before, 2);
    apply(*state, changed, 2); /* one that does not fit and another one to make */
    assert_int_equal(hg_password_worked() - before, 4);
    apply(*state, changed, 2);
    assert_int_equal(hg_password_worked() - before, 4);
    apply(*state, both, 2); /* a word that once was his is no longer known */
    assert_int_equal(hg_password_worked() - before, 6);
    assert_int_equal(log_in(*state, "ben", "another word for ben"), HG_EUNAUTHENTICATED);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    /* Neither is one to a hash that somebody else put there. */
    sql("update user_account set password_hash = (select password_hash from user_account"
        " where username = 'ada') where username = 'ben'");
    apply(*state, both, 2);
    assert_int_equal(log_in(*state, "ben", ADA_S), HG_EUNAUTHENTICATED);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
}

static void test_who_is_gone_comes_back(void **state)
{
    apply(*state, both, 2);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    make_token(*state, "ben");
    apply(*state, both, 1);
    gives("select concat_ws(' ', disabled, origin, file) from user_account where username = 'ben'",
          "t file");
    gives("select count(*) from session", "0");
    gives("select count(*) from api_token", "0");
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_EUNAUTHENTICATED);
    gives("select object || ' ' || array_to_string(fields, ',') from audit"
          " where actor_kind = 'file' order by seq desc limit 1",
          "ben disabled");
    apply(*state, both, 1); /* he goes but once */
    gives("select count(*) from audit where actor_kind = 'file'", "3");
    apply(*state, both, 2);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    gives("select concat_ws(' ', disabled, origin, file) from user_account where username = 'ben'",
          "f file " PLACE);
}

static void test_who_was_there_is_taken_over(void **state)
{
    json_t *user = NULL;
    char etag[HG_USER_ETAG];
    assert_int_equal(
        hg_user_create(*state, &root, "ben", "ben's own word", "admin", &user, etag, &err), HG_OK);
    json_decref(user);
    apply(*state, both, 2);
    gives("select concat_ws(' ', role, origin, file) from user_account where username = 'ben'",
          "viewer file " PLACE);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    gives("select array_to_string(fields, ',') from audit where object = 'ben' and"
          " action = 'user.update'",
          "role,password,origin");
}

static void test_all_or_none(void **state)
{
    const struct hg_file_user viewers[] = {
        {"ada", ADA_S, "viewer", PLACE},
        {"cleo", "a word for cleo", "viewer", PLACE},
    };
    apply(*state, both, 2);
    assert_int_equal(hg_file_users_apply(*state, viewers, 2, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "no admin who can sign in"));
    assert_int_equal(hg_file_users_apply(*state, NULL, 0, &err), HG_ECONFLICT);
    gives("select string_agg(username || ' ' || role, ',' order by username) from user_account"
          " where not disabled",
          "ada admin,ben viewer");
    gives("select count(*) from audit where actor_kind = 'file'", "2");
    /* With an admin of the API's the files may do without. */
    sql("insert into user_account (username, role, password_hash) values ('root', 'admin', 'x')");
    apply(*state, NULL, 0);
    gives(ADMINS, "1");
}

static void test_the_api_leaves_them_alone(void **state)
{
    const bool yes = true;
    const struct hg_user_change change = {.disabled = &yes};
    struct hg_principal ben = {.kind = HG_PRINCIPAL_USER, .role = HG_ROLE_VIEWER};
    const struct hg_password_change password = {BEN_S, "a word that ben would like"};
    json_t *user = NULL;
    char etag[HG_USER_ETAG];
    bool stale = false;
    (void)snprintf(ben.username, sizeof ben.username, "ben");
    ben.address = stranger.address;
    apply(*state, both, 2);
    assert_int_equal(hg_user_update(*state, &root, "ben", &change, &user, etag, &stale, &err),
                     HG_ECONFLICT);
    assert_string_equal(err.message, "the user \"ben\" comes from the host's file " PLACE);
    assert_non_null(strstr(err.hint, "SIGHUP"));
    assert_false(stale);
    assert_int_equal(hg_user_delete(*state, &root, "ben", NULL, &stale, &err), HG_ECONFLICT);
    assert_int_equal(hg_session_change_password(*state, &ben, &password, &err), HG_ECONFLICT);
    assert_string_equal(err.message, "your password comes from a file of the host's");
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    /* Whom no file names any more, it may have. */
    apply(*state, both, 1);
    const bool no = false;
    const struct hg_user_change back = {.disabled = &no};
    assert_int_equal(hg_user_update(*state, &root, "ben", &back, &user, etag, &stale, &err), HG_OK);
    assert_string_equal(json_string_value(json_object_get(user, "origin")), "api");
    json_decref(user);
    assert_int_equal(log_in(*state, "ben", BEN_S), HG_OK);
    assert_int_equal(hg_user_delete(*state, &root, "ben", NULL, &stale, &err), HG_OK);
}

static void *apply_at_once(void *arg)
{
    struct hg_error why = HG_ERROR_INIT;
    int r = hg_file_users_apply(arg, both, 2, &why);
    return r == HG_OK ? arg : NULL;
}

static void test_hosts_that_start_at_once(void **state)
{
    pthread_t threads[3];
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, apply_at_once, *state), 0);
    }
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
    }
    gives("select count(*) from audit", "2");
    gives("select string_agg(version::text, ',') from user_account", "1,1");
}

static void test_what_breaks_the_rules(void **state)
{
    static const struct {
        struct hg_file_user user;
        const char *pointer;
    } cases[] = {
        {{"Ada", ADA_S, "admin", PLACE}, "/username"},
        {{"ada", ADA_S, "root", PLACE}, "/role"},
        {{"ada", "short", "admin", PLACE}, "/password"},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        assert_int_equal(hg_file_user_check(&cases[i].user, &err), HG_EINVAL);
        assert_string_equal(err.pointer, cases[i].pointer);
    }
    assert_int_equal(hg_file_user_check(&both[0], &err), HG_OK);
    assert_true(hg_file_users_have_admin(both, 2));
    assert_false(hg_file_users_have_admin(&both[1], 1));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_users_are_made_and_stay_untouched),
        TEST(test_what_a_file_changes),
        TEST(test_the_same_files_again_cost_nothing),
        TEST(test_who_is_gone_comes_back),
        TEST(test_who_was_there_is_taken_over),
        TEST(test_all_or_none),
        TEST(test_the_api_leaves_them_alone),
        TEST(test_hosts_that_start_at_once),
        TEST(test_what_breaks_the_rules),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
