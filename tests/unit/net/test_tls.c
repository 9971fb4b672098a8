/* Certificates, against a real TLS server: openssl s_server. */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "net/client.h"
#include "peer.h"

static char folder[] = "/tmp/hg-tls-XXXXXX";
static char ca_file[64];
static char url[100];
static struct hg_guard *guard;
static struct hg_net_response response;
static struct hg_error err;

struct server {
    FILE *says;
    pid_t pid;
    int port;
};

static pid_t run(const char *const *arguments, int out)
{
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    if (out >= 0) {
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, 1), 0);
    }
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(
        posix_spawnp(&pid, "openssl", &actions, NULL, (char *const *)(uintptr_t)arguments, environ),
        0);
    (void)posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* For 127.0.0.1 and no other name. */
static void make_certificate(void)
{
    static const char *const arguments[] = {"openssl",
                                            "req",
                                            "-x509",
                                            "-newkey",
                                            "ec",
                                            "-pkeyopt",
                                            "ec_paramgen_curve:P-256",
                                            "-nodes",
                                            "-days",
                                            "2",
                                            "-subj",
                                            "/CN=test",
                                            "-addext",
                                            "subjectAltName=IP:127.0.0.1",
                                            "-keyout",
                                            "key.pem",
                                            "-out",
                                            "cert.pem",
                                            NULL};
    int status = -1;
    assert_true(waitpid(run(arguments, -1), &status, 0) > 0);
    assert_int_equal(status, 0);
}

static struct server start(const char *option)
{
    const char *const arguments[] = {"openssl",
                                     "s_server",
                                     "-accept",
                                     "127.0.0.1:0",
                                     "-cert",
                                     "cert.pem",
                                     "-key",
                                     "key.pem",
                                     "-www",
                                     option,
                                     NULL};
    struct server server = {0};
    int out[2];
    char line[200];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    server.pid = run(arguments, out[1]);
    (void)close(out[1]);
    server.says = fdopen(out[0], "r");
    while (fgets(line, sizeof line, server.says)) {
        const char *port = strrchr(line, ':');
        if (strncmp(line, "ACCEPT ", 7) == 0 && port) {
            server.port = (int)strtol(port + 1, NULL, 10);
            return server;
        }
    }
    fail_msg("openssl s_server does not start");
    return server;
}

static void stop(struct server *server)
{
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    (void)fclose(server->says);
}

static int call(const char *host, int port, const char *trusted)
{
    struct hg_net_client *client = NULL;
    const struct hg_net_options options = {.guard = guard, .ca_file = trusted};
    err = (struct hg_error)HG_ERROR_INIT;
    assert_int_equal(hg_net_client_new(&options, &client, &err), HG_OK);
    (void)snprintf(url, sizeof url, "https://%s:%d/", host, port);
    const struct hg_net_request request = {.url = url, .timeout_ms = 10000};
    int r = hg_net_send(client, &request, &response, &err);
    hg_net_client_free(client);
    return r;
}

static void test_a_valid_certificate(void **state)
{
    (void)state;
    struct server server = start("-tls1_3");
    assert_int_equal(call("127.0.0.1", server.port, ca_file), HG_OK);
    assert_int_equal(response.status, 200);
    assert_true(response.times.secured_us > 0);
    stop(&server);
}

static void test_certificates_that_are_not(void **state)
{
    (void)state;
    struct server server = start("-tls1_2");
    assert_int_equal(call("127.0.0.1", server.port, NULL), HG_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "certificate is not valid"));
    assert_false(err.retryable);
    assert_int_equal(call("localhost", server.port, ca_file), HG_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "certificate is not valid"));
    assert_int_equal(call("127.0.0.1", server.port, "none.pem"), HG_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "trusted certificates"));
    stop(&server);
}

static void test_no_tls_to_speak_of(void **state)
{
    static const struct peer_answer none[] = {{.path = NULL}};
    (void)state;
    struct server old = start("-tls1_1");
    assert_int_equal(call("127.0.0.1", old.port, ca_file), HG_EUNAVAILABLE);
    stop(&old);
    struct peer *plain = peer_start(none);
    assert_int_equal(call("127.0.0.1", peer_port(plain), ca_file), HG_ETIMEDOUT);
    if (!strstr(err.message, "TLS")) {
        fail_msg("%s", err.message);
    }
    peer_stop(plain);
}

static int set_up(void **state)
{
    static const char *const allowed[] = {"127.0.0.1", "::1", NULL};
    (void)state;
    response = (struct hg_net_response)HG_NET_RESPONSE_INIT;
    if (!mkdtemp(folder) || chdir(folder) < 0) {
        return -1;
    }
    make_certificate();
    (void)snprintf(ca_file, sizeof ca_file, "%s/cert.pem", folder);
    return hg_guard_new(allowed, &guard, &err);
}

static int tear_down(void **state)
{
    (void)state;
    hg_guard_free(guard);
    hg_net_response_free(&response);
    (void)unlink("key.pem");
    (void)unlink("cert.pem");
    return chdir("/") < 0 ? -1 : rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_valid_certificate),
        cmocka_unit_test(test_certificates_that_are_not),
        cmocka_unit_test(test_no_tls_to_speak_of),
    };
    return cmocka_run_group_tests_name("tls", tests, set_up, tear_down);
}
