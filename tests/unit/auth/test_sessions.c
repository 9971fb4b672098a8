/* Users and sessions on a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "auth/tokens.h"
#include "base/io.h"
#include "base/mem.h"
#include "scratch.h"
#include "shared_pg.h"
#include "store/db.h"

static struct hg_pool *pool;
static char folder[HG_SCRATCH_BYTES];

static int start_server(void **state)
{
    if (start_pg(state) != 0 || hg_scratch_make("auth", folder) != 0) {
        return -1;
    }
    return hg_pool_new(hg_test_pg_metadata(pg), 4, "test", &pool, NULL);
}

static int stop_server(void **state)
{
    hg_pool_free(pool);
    (void)stop_pg(state);
    return hg_scratch_remove(folder);
}

static void sql(const char *text)
{
    assert_int_equal(hg_test_pg_sql(pg, "metadata", text), 0);
}

/* The number that a query gives. */
static int64_t number(const char *text)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, &err), HG_OK);
    if (hg_db_simple(db, text, &result, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return strtoll(PQgetvalue(result, 0, 0), NULL, 10);
}

static void add_user(const char *name, const char *role, const char *password)
{
    char hash[HG_PASSWORD_HASH_TEXT];
    char text[512];
    assert_int_equal(hg_password_hash(password, hash, NULL), HG_OK);
    (void)snprintf(text,
                   sizeof text,
                   "insert into user_account (username, role, password_hash, disabled, created_at)"
                   " values ('%s', '%s', '%s', false, now())",
                   name,
                   role,
                   hash);
    sql(text);
}

static int start(void **state)
{
    if (hg_test_pg_reset(pg) != 0 || hg_auth_new(pool, (struct hg_auth **)state, NULL) < 0) {
        return -1;
    }
    add_user("vera", "viewer", "vera's password");
    return 0;
}

static int stop(void **state)
{
    hg_auth_free(*state);
    return 0;
}

struct login {
    struct hg_principal user;
    char token[HG_SESSION_TOKEN];
    struct hg_error err;
};

static const struct hg_principal stranger = {.address = "192.0.2.1"};

static int log_in(void *auth, const char *name, const char *password, struct login *ret)
{
    const struct hg_auth_attempt attempt = {name, password, "test/1", &stranger};
    *ret = (struct login){.err = HG_ERROR_INIT};
    return hg_auth_login(auth, &attempt, &ret->user, ret->token, &ret->err);
}

static void test_a_session_lives_until_log_out(void **state)
{
    struct login login;
    struct hg_principal user = {.role = HG_ROLE_NONE};
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
    assert_string_equal(login.user.username, "vera");
    assert_int_equal(login.user.role, HG_ROLE_VIEWER);
    assert_int_equal(strlen(login.token), 43);
    assert_int_equal(hg_auth_check(*state, login.token, &user, &err), HG_OK);
    assert_string_equal(user.username, "vera");
    assert_int_equal(user.role, HG_ROLE_VIEWER);
    assert_int_equal(hg_auth_logout(*state, &user, login.token, &err), HG_OK);
    assert_int_equal(hg_auth_check(*state, login.token, &user, &err), HG_EUNAUTHENTICATED);
    assert_int_equal(hg_auth_logout(*state, &user, login.token, &err), HG_OK);
}

static void test_the_database_holds_no_token(void **state)
{
    struct login login;
    char query[256];
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
    (void)snprintf(query,
                   sizeof query,
                   "select count(*) from session where id_hash = sha256('%s') and source_ip ="
                   " '192.0.2.1' and user_agent = 'test/1'",
                   login.token);
    assert_int_equal(number(query), 1);
    (void)snprintf(query,
                   sizeof query,
                   "select count(*) from session s where s::text like '%%%s%%'",
                   login.token);
    assert_int_equal(number(query), 0);
}

static void test_sessions_end(void **state)
{
    static const char *const ends[] = {
        "update session set last_seen_at = now() - interval '12 hours 1 second'",
        "update session set expires_at = now() - interval '1 second'",
        "update user_account set disabled = true",
        "delete from user_account",
    };
    for (size_t i = 0; i < HG_COUNT(ends); i++) {
        struct login login;
        struct hg_principal user;
        sql("update user_account set disabled = false");
        assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
        assert_int_equal(hg_auth_check(*state, login.token, &user, NULL), HG_OK);
        sql(ends[i]);
        assert_int_equal(hg_auth_check(*state, login.token, &user, NULL), HG_EUNAUTHENTICATED);
    }
}

/* By a token too, whose id is looked for in the other table. */
static void test_who_has_signed_in_is_checked_again(void **state)
{
    static const struct {
        const char *change;
        int session;
        int token;
    } steps[] = {
        {"select 1", HG_OK, HG_OK},
        {"update api_token set role = 'viewer'", HG_OK, HG_EFORBIDDEN},
        {"update user_account set role = 'viewer'", HG_EFORBIDDEN, HG_EFORBIDDEN},
        {"update user_account set role = 'admin'; update api_token set role = 'admin'",
         HG_OK,
         HG_OK},
        {"update user_account set disabled = true", HG_EUNAUTHENTICATED, HG_EUNAUTHENTICATED},
        {"update user_account set disabled = false", HG_OK, HG_OK},
        {"update session set last_seen_at = now() - interval '13 hours'",
         HG_EUNAUTHENTICATED,
         HG_OK},
        {"update session set last_seen_at = now(); update api_token set expires_at = now()",
         HG_OK,
         HG_EUNAUTHENTICATED},
        {"delete from user_account", HG_EUNAUTHENTICATED, HG_EUNAUTHENTICATED},
    };
    struct login login;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_token_request request = {.name = "t", .days = 1};
    sql("update user_account set role = 'data_scientist'");
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
    assert_int_equal(hg_auth_check(*state, login.token, &login.user, &err), HG_OK);
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    assert_int_equal(hg_token_create(*state, &login.user, &request, &made, &err), HG_OK);
    struct hg_principal by_token = {.kind = HG_PRINCIPAL_NOBODY};
    const char *token = json_string_value(json_object_get(made, "token"));
    assert_int_equal(hg_token_check(*state, token, &by_token, &err), HG_OK);
    for (size_t i = 0; i < HG_COUNT(steps); i++) {
        sql(steps[i].change);
        assert_int_equal(hg_auth_check_again(*state, &login.user, HG_ROLE_DATA_SCIENTIST, &err),
                         steps[i].session);
        assert_int_equal(hg_auth_check_again(*state, &by_token, HG_ROLE_DATA_SCIENTIST, &err),
                         steps[i].token);
    }
}

static void test_use_keeps_a_session_alive(void **state)
{
    struct login login;
    struct hg_principal user;
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
    sql("update session set last_seen_at = now() - interval '11 hours'");
    assert_int_equal(hg_auth_check(*state, login.token, &user, NULL), HG_OK);
    assert_int_equal(
        number("select count(*) from session where last_seen_at > now() - interval '1 minute'"), 1);
    /* It ends seven days after it began whatever happens. */
    assert_int_equal(number("select count(*) from session where expires_at between"
                            " created_at + interval '6 days 23 hours' and"
                            " created_at + interval '7 days 1 hour'"),
                     1);
}

static void test_old_sessions_are_swept_away(void **state)
{
    struct login login;
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
    sql("update session set expires_at = now() - interval '1 second'");
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
    assert_int_equal(number("select count(*) from session"), 1);
}

static void test_wrong_names_and_passwords_look_the_same(void **state)
{
    struct login wrong;
    struct login unknown;
    struct login disabled;
    assert_int_equal(log_in(*state, "vera", "wrong", &wrong), HG_EUNAUTHENTICATED);
    assert_int_equal(log_in(*state, "nobody", "vera's password", &unknown), HG_EUNAUTHENTICATED);
    sql("update user_account set disabled = true");
    assert_int_equal(log_in(*state, "vera", "vera's password", &disabled), HG_EUNAUTHENTICATED);
    assert_string_equal(wrong.err.message, unknown.err.message);
    assert_string_equal(wrong.err.message, disabled.err.message);
    assert_int_equal(number("select count(*) from session"), 0);
}

static void test_names_that_are_sql(void **state)
{
    struct login login;
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(log_in(*state, "' or true --", "x", &login), HG_EUNAUTHENTICATED);
    assert_int_equal(log_in(*state, longest, "x", &login), HG_EUNAUTHENTICATED);
}

static void test_guessing_is_slowed_down(void **state)
{
    struct login login;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(log_in(*state, "vera", "wrong", &login), HG_EUNAUTHENTICATED);
    }
    /* Even the right one has to wait now; other names do not. */
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_ERATELIMITED);
    assert_true(login.err.retry_after_ms > 0 && login.err.retry_after_ms <= 15000);
    add_user("adam", "admin", "adam's password");
    assert_int_equal(log_in(*state, "adam", "adam's password", &login), HG_OK);
}

static void test_an_address_is_slowed_down(void **state)
{
    struct login login;
    char name[32];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "nobody-%d", i);
        assert_int_equal(log_in(*state, name, "x", &login), HG_EUNAUTHENTICATED);
    }
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_ERATELIMITED);
    const struct hg_principal other = {.address = "192.0.2.2"};
    const struct hg_auth_attempt elsewhere = {"vera", "vera's password", NULL, &other};
    assert_int_equal(hg_auth_login(*state, &elsewhere, &login.user, login.token, NULL), HG_OK);
}

/* A failure of ours is no failure of the user's. */
static void test_the_database_is_away(void **state)
{
    struct login login;
    struct hg_principal user;
    hg_test_pg_kill(pg);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_EUNAVAILABLE);
    }
    assert_int_equal(
        hg_auth_check(*state, "0123456789012345678901234567890123456789012", &user, NULL),
        HG_EUNAVAILABLE);
    assert_int_equal(hg_test_pg_resume(pg), 0);
    assert_int_equal(log_in(*state, "vera", "vera's password", &login), HG_OK);
}

static void test_tokens_that_are_none(void **state)
{
    static const char *const tokens[] = {NULL,
                                         "",
                                         "x",
                                         "0123456789012345678901234567890123456789012",
                                         "01234567890123456789012345678901234567890123"};
    struct hg_principal user;
    for (size_t i = 0; i < HG_COUNT(tokens); i++) {
        assert_int_equal(hg_auth_check(*state, tokens[i], &user, NULL), HG_EUNAUTHENTICATED);
    }
}

/* ---- the first user ---- */

static void test_the_first_user_with_a_given_password(void **state)
{
    struct login login;
    const struct hg_auth_admin admin = {"given", NULL, folder};
    sql("delete from user_account");
    assert_int_equal(hg_auth_ensure_admin(*state, &admin, NULL), HG_OK);
    assert_int_equal(log_in(*state, "admin", "given", &login), HG_OK);
    assert_int_equal(login.user.role, HG_ROLE_ADMIN);
    /* At the next start it changes nothing. */
    const struct hg_auth_admin again = {"another", NULL, folder};
    assert_int_equal(hg_auth_ensure_admin(*state, &again, NULL), HG_OK);
    assert_int_equal(log_in(*state, "admin", "given", &login), HG_OK);
}

static void test_where_there_are_users_none_is_made(void **state)
{
    const struct hg_auth_admin admin = {NULL, NULL, folder};
    assert_int_equal(hg_auth_ensure_admin(*state, &admin, NULL), HG_OK);
    assert_int_equal(number("select count(*) from user_account"), 1);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/admin-password", folder);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_a_made_password_goes_to_a_file(void **state)
{
    struct login login;
    struct stat st;
    char path[128];
    char *text = NULL;
    size_t n = 0;
    const struct hg_auth_admin admin = {NULL, NULL, folder};
    sql("delete from user_account");
    assert_int_equal(hg_auth_ensure_admin(*state, &admin, NULL), HG_OK);
    (void)snprintf(path, sizeof path, "%s/admin-password", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(hg_read_file(path, 100, &text, &n, NULL), HG_OK);
    text[strcspn(text, "\n")] = '\0';
    assert_int_equal(log_in(*state, "admin", text, &login), HG_OK);
    free(text);
    (void)unlink(path);
}

static void test_a_made_password_goes_to_a_terminal(void **state)
{
    struct login login;
    char *text = NULL;
    size_t n = 0;
    FILE *terminal = open_memstream(&text, &n);
    const struct hg_auth_admin admin = {NULL, terminal, folder};
    sql("delete from user_account");
    assert_int_equal(hg_auth_ensure_admin(*state, &admin, NULL), HG_OK);
    (void)fclose(terminal);
    char *password = strstr(text, "    ");
    assert_non_null(password);
    password += 4;
    password[strcspn(password, "\n")] = '\0';
    assert_int_equal(log_in(*state, "admin", password, &login), HG_OK);
    free(text);
}

/* No user without a password that someone can know. */
static void test_no_user_when_the_file_cannot_be_written(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_auth_admin admin = {NULL, NULL, "/no/such/folder"};
    sql("delete from user_account");
    assert_true(hg_auth_ensure_admin(*state, &admin, &err) < 0);
    assert_non_null(strstr(err.message, "admin"));
    assert_int_equal(number("select count(*) from user_account"), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_session_lives_until_log_out),
        TEST(test_the_database_holds_no_token),
        TEST(test_sessions_end),
        TEST(test_who_has_signed_in_is_checked_again),
        TEST(test_use_keeps_a_session_alive),
        TEST(test_old_sessions_are_swept_away),
        TEST(test_wrong_names_and_passwords_look_the_same),
        TEST(test_names_that_are_sql),
        TEST(test_guessing_is_slowed_down),
        TEST(test_an_address_is_slowed_down),
        TEST(test_the_database_is_away),
        TEST(test_tokens_that_are_none),
        TEST(test_the_first_user_with_a_given_password),
        TEST(test_where_there_are_users_none_is_made),
        TEST(test_a_made_password_goes_to_a_file),
        TEST(test_a_made_password_goes_to_a_terminal),
        TEST(test_no_user_when_the_file_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
