#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/password.h"

const struct person people[N_PEOPLE] = {
    {"admin", HG_ROLE_ADMIN}, {"sara", HG_ROLE_DATA_SCIENTIST}, {"vera", HG_ROLE_VIEWER}};
char cookies[N_PEOPLE][128];

struct hg_pool *metadata;
struct hg_api *api;
struct hg_host_config config;
int port;

static struct hg_pool *warehouse;

void sql(const char *text)
{
    assert_int_equal(hg_test_pg_sql(pg, "metadata", text), 0);
}

void HG_PRINTF(1, 2) sqlf(const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sql(text);
}

int64_t number(const char *text)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_pool_borrow(metadata, 5000, &db, &err), HG_OK);
    if (hg_db_simple(db, text, &result, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return strtoll(PQgetvalue(result, 0, 0), NULL, 10);
}

void ask(const char *method,
         const char *target,
         const char *headers,
         const char *body,
         struct answer *answer)
{
    char all[1024];
    (void)snprintf(
        all, sizeof all, "%s%s", body ? "Content-Type: application/json\r\n" : "", headers);
    client_ask(port, method, target, all, body, answer);
}

int status_of(const char *method, const char *target, const char *headers, const char *body)
{
    struct answer answer;
    ask(method, target, headers, body, &answer);
    int status = answer.status;
    if (status >= 400) {
        json_decref(answer_problem(&answer, status));
    }
    answer_free(&answer);
    return status;
}

json_t *ask_json(
    const char *method, const char *target, const char *headers, const char *body, int status)
{
    struct answer answer;
    ask(method, target, headers, body, &answer);
    if (answer.status != status) {
        fail_msg("%s %s: %d %s", method, target, answer.status, answer.body);
    }
    json_t *json = status >= 400   ? answer_problem(&answer, status)
                   : status == 204 ? json_null()
                                   : answer_json(&answer);
    answer_free(&answer);
    return json;
}

void ask_only(
    const char *method, const char *target, const char *headers, const char *body, int status)
{
    json_decref(ask_json(method, target, headers, body, status));
}

const char *text_at(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

void add_user(const char *name, const char *role)
{
    char hash[HG_PASSWORD_HASH_TEXT];
    assert_int_equal(hg_password_hash(PASSWORD, hash, NULL), HG_OK);
    sqlf("insert into user_account (username, role, password_hash) values ('%s', '%s', '%s')",
         name,
         role,
         hash);
}

void log_in(const char *username, struct answer *answer)
{
    char body[256];
    (void)snprintf(
        body, sizeof body, "{\"username\":\"%s\",\"password\":\"" PASSWORD "\"}", username);
    ask("POST", "/api/v1/auth/login", "", body, answer);
}

void new_session(const char *user, char ret[128])
{
    static int n;
    char token[64];
    (void)snprintf(token, sizeof token, "%043d", ++n);
    sqlf("insert into session (id_hash, username, expires_at) values (sha256('%s'), '%s',"
         " now() + interval '1 day')",
         token,
         user);
    (void)snprintf(ret, 128, "Cookie: headgate_session=%s\r\n", token);
}

void start_api(const char *public_url)
{
    struct hg_error err = HG_ERROR_INIT;
    static char host[] = "127.0.0.1";
    static char data_dir[] = "/tmp";
    config.listen_host = host;
    config.data_dir = data_dir;
    config.public_url = (char *)(uintptr_t)public_url;
    const struct hg_api_options options = {
        .config = &config,
        .metadata = metadata,
        .warehouse = warehouse,
        .version = "1.2.3",
        .admin_password = PASSWORD,
    };
    if (hg_api_start(&options, &api, &err) < 0) {
        fail_msg("%s", err.message);
    }
    port = hg_api_port(api);
}

int open_api(void **state)
{
    if (start_pg(state) != 0 ||
        hg_pool_new(hg_test_pg_metadata(pg), 8, "test", &metadata, NULL) < 0 ||
        hg_pool_new(hg_test_pg_warehouse(pg), 2, "test", &warehouse, NULL) < 0) {
        return -1;
    }
    start_api("http://127.0.0.1:8080"); /* it makes the first user */
    for (size_t i = 0; i < N_PEOPLE; i++) {
        if (i != ADMIN) {
            add_user(people[i].user, hg_role_name(people[i].role));
        }
        new_session(people[i].user, cookies[i]);
    }
    return 0;
}

int close_api(void **state)
{
    hg_api_stop(api, 1000);
    hg_pool_free(metadata);
    hg_pool_free(warehouse);
    return stop_pg(state);
}

int reset(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}
