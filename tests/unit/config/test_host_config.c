#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "config/host_config.h"
#include "config/host_config_compare.h"
#include "config/host_config_keys.h"
#include "scratch.h"

struct fixture {
    char folder[HG_SCRATCH_BYTES];
    char file[96];
    struct hg_host_config *config;
    struct hg_diagnostics diagnostics;
    int result;
};

static const char *const variables[] = {
    "HEADGATE_LISTEN",
    "HEADGATE_DATA_DIR",
    "HEADGATE_DATABASE_URL",
    "HEADGATE_WAREHOUSE_URL",
    "HEADGATE_PLUGIN_DIR",
    "HEADGATE_WORKERS",
    "HEADGATE_LOG",
    "HEADGATE_LOG_FORMAT",
    "HEADGATE_MASTER_KEY_FILE",
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(hg_scratch_make("config", fixture->folder), 0);
    (void)snprintf(fixture->file, sizeof fixture->file, "%s/h.yaml", fixture->folder);
    for (size_t i = 0; i < HG_COUNT(variables); i++) {
        assert_int_equal(unsetenv(variables[i]), 0);
    }
    *state = fixture;
    return 0;
}

static void forget(struct fixture *fixture)
{
    hg_host_config_free(fixture->config);
    fixture->config = NULL;
    hg_diagnostics_free(&fixture->diagnostics);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    forget(fixture);
    int r = hg_scratch_remove(fixture->folder);
    free(fixture);
    return r;
}

static void load(struct fixture *fixture, const char *yaml)
{
    forget(fixture);
    assert_int_equal(hg_write_file(fixture->file, 0600, yaml, strlen(yaml), NULL), HG_OK);
    fixture->result =
        hg_host_config_load(fixture->file, &fixture->config, &fixture->diagnostics, NULL);
    assert_true((fixture->result == HG_OK) == (fixture->config != NULL));
}

/* "<folder>/..<path>" */
static void expect_beside(const struct fixture *fixture, const char *found, const char *path)
{
    size_t n = (size_t)(strrchr(fixture->folder, '/') - fixture->folder);
    assert_memory_equal(found, fixture->folder, n);
    assert_string_equal(found + n, path);
}

/* "<folder>/<path>" */
static void expect_path(const struct fixture *fixture, const char *found, const char *path)
{
    assert_non_null(found);
    assert_memory_equal(found, fixture->folder, strlen(fixture->folder));
    assert_string_equal(found + strlen(fixture->folder), path);
}

static void has_defaults(void **state)
{
    struct fixture *fixture = *state;
    load(fixture, "");
    assert_int_equal(fixture->result, HG_OK);
    const struct hg_host_config *config = fixture->config;
    assert_string_equal(config->file, fixture->file);
    assert_string_equal(config->listen_host, "127.0.0.1");
    assert_int_equal(config->listen_port, 8080);
    assert_string_equal(config->public_url, "http://127.0.0.1:8080");
    expect_path(fixture, config->data_dir, "/data");
    assert_null(config->metadata_url);
    assert_null(config->warehouse_url);
    expect_path(fixture, config->pipeline_globs[0], "/pipelines/*.yaml");
    assert_null(config->pipeline_globs[1]);
    assert_null(config->pipeline_files[0]);
    expect_path(fixture, config->file_roots[0], "");
    assert_int_equal(config->workers, 2);
    assert_int_equal(config->stop_grace_ms, 20000);
    assert_int_equal(config->checkpoint_ms, 60000);
    assert_int_equal(config->log_level, HG_LOG_INFO);
    assert_false(config->log_json);
    assert_int_equal(json_object_size(config->plugin_pins), 0);
    assert_null(config->allow_private);
    assert_int_equal(config->alert_window_ms, 900000);
    assert_int_equal(config->alert_storm_limit, 20);
    assert_int_equal(json_integer_value(json_object_get(config->retention, "alerts_days")), 90);
    assert_int_equal(json_integer_value(json_object_get(config->retention, "runs_days")), 90);
    assert_int_equal(json_integer_value(json_object_get(config->retention, "quarantine_days")), 30);
}

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void reads_every_key(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(setenv("HG_TEST_PASSWORD", "pw", 1), 0);
    load(fixture,
         "listen: \"[::1]:9090\"\n"
         "public_url: https://h.example.org/\n"
         "data_dir: ../elsewhere/./d\n"
         "database: {metadata: \"postgresql://u:${HG_TEST_PASSWORD}@db/m\", warehouse: "
         "postgres://db/w}\n"
         "pipelines: [h.yaml, \"*.yaml\", sub/*.yaml]\n"
         "plugins: {dir: p, pin: {csv: " SHA "}}\n"
         "workers: 64\n"
         "stop_grace: 1m30s\n"
         "checkpoint: 500ms\n"
         "files: {roots: [a, /b]}\n"
         "tls: {certificate: c.pem, key: /k.pem}\n"
         "http: {trusted_proxies: [10.0.0.0/8, \"::1\"]}\n"
         "retention: {runs_days: 1, logs_days: 2, quarantine_days: 3, alerts_days: 4}\n"
         "outbound: {allow_private: [10.1.0.0/16, \"::1\"]}\n"
         "alerts: {dedupe_window: 1h, storm_limit: 3, smtp: {host: mail, from: a@b.org,"
         " username: u, password: \"${HG_TEST_PASSWORD}\", tls: implicit, ca_file: ca.pem}}\n");
    if (fixture->result != HG_OK) {
        hg_diagnostics_print(&fixture->diagnostics, stderr);
    }
    assert_int_equal(fixture->result, HG_OK);
    const struct hg_host_config *config = fixture->config;
    assert_string_equal(config->listen_host, "::1");
    assert_int_equal(config->listen_port, 9090);
    assert_string_equal(config->public_url, "https://h.example.org");
    expect_beside(fixture, config->data_dir, "/elsewhere/d");
    assert_string_equal(config->metadata_url, "postgresql://u:pw@db/m");
    assert_string_equal(config->warehouse_url, "postgres://db/w");
    /* Two patterns found it, it is there once. */
    assert_string_equal(config->pipeline_files[0], fixture->file);
    assert_null(config->pipeline_files[1]);
    expect_path(fixture, config->pipeline_globs[2], "/sub/*.yaml");
    expect_path(fixture, config->plugin_dir, "/p");
    assert_string_equal(json_string_value(json_object_get(config->plugin_pins, "csv")), SHA);
    assert_int_equal(config->workers, 64);
    assert_int_equal(config->stop_grace_ms, 90000);
    assert_int_equal(config->checkpoint_ms, 500);
    assert_string_equal(config->file_roots[1], "/b");
    expect_path(fixture, config->tls_certificate, "/c.pem");
    assert_string_equal(config->tls_key, "/k.pem");
    assert_string_equal(config->trusted_proxies[1], "::1");
    assert_null(config->trusted_proxies[2]);
    assert_int_equal(json_integer_value(json_object_get(config->retention, "logs_days")), 2);
    assert_int_equal(json_integer_value(json_object_get(config->retention, "alerts_days")), 4);
    assert_string_equal(config->allow_private[1], "::1");
    assert_null(config->allow_private[2]);
    assert_int_equal(config->alert_window_ms, 3600000);
    assert_int_equal(config->alert_storm_limit, 3);
    assert_string_equal(config->smtp_host, "mail");
    assert_int_equal(config->smtp_port, 465);
    assert_string_equal(hg_config_smtp_tls[config->smtp_tls], "implicit");
    assert_string_equal(config->smtp_from, "a@b.org");
    assert_string_equal(config->smtp_username, "u");
    assert_string_equal(config->smtp_password, "pw");
    expect_path(fixture, config->smtp_ca_file, "/ca.pem");
}

static void environment_wins(void **state)
{
    struct fixture *fixture = *state;
    char working[4096];
    assert_non_null(getcwd(working, sizeof working));
    assert_int_equal(setenv("HEADGATE_LISTEN", "0.0.0.0:0", 1), 0);
    assert_int_equal(setenv("HEADGATE_DATA_DIR", "env-data", 1), 0);
    assert_int_equal(setenv("HEADGATE_DATABASE_URL", "embedded", 1), 0);
    assert_int_equal(setenv("HEADGATE_PLUGIN_DIR", "/plugins", 1), 0);
    assert_int_equal(setenv("HEADGATE_WORKERS", "7", 1), 0);
    assert_int_equal(setenv("HEADGATE_LOG", "debug", 1), 0);
    assert_int_equal(setenv("HEADGATE_LOG_FORMAT", "json", 1), 0);
    assert_int_equal(setenv("HEADGATE_MASTER_KEY_FILE", "/k", 1), 0);
    load(fixture,
         "listen: 127.0.0.1:1\ndata_dir: x\ndatabase: {metadata: postgresql://a/b}\n"
         "plugins: {dir: p}\nworkers: 3\n");
    assert_int_equal(fixture->result, HG_OK);
    const struct hg_host_config *config = fixture->config;
    assert_string_equal(config->listen_host, "0.0.0.0");
    assert_int_equal(config->listen_port, 0);
    /* Relative to the working folder, not to the file. */
    assert_memory_equal(config->data_dir, working, strlen(working));
    assert_string_equal(config->data_dir + strlen(working), "/env-data");
    assert_null(config->metadata_url);
    assert_string_equal(config->plugin_dir, "/plugins");
    assert_int_equal(config->workers, 7);
    assert_int_equal(config->log_level, HG_LOG_DEBUG);
    assert_true(config->log_json);
    assert_string_equal(config->master_key_file, "/k");
}

static const struct {
    const char *yaml;
    int line;
    int column;
    const char *said;
    const char *hint;
} bad[] = {
    {"worker: 1\n", 1, 1, "unknown key \"worker\"", "Did you mean \"workers\"?"},
    {"plugins: {dirr: x}\n", 1, 11, "unknown key \"plugins.dirr\"", "\"plugins.dir\""},
    {"zzzzzzzz: x\n", 1, 1, "unknown key", "docs/configuration.md"},
    {"workers: 0\n", 1, 10, "workers: found 0, expected number, 1 to 64", NULL},
    {"stop_grace: 2h\n", 1, 13, "stop_grace: found 2h, expected duration, 0s to 1h", NULL},
    {"checkpoint: soon\n", 1, 13, "checkpoint: found soon", NULL},
    {"workers: two\n", 1, 10, "workers: found two", NULL},
    {"workers: [1]\n", 1, 10, "workers: found a list", NULL},
    {"workers:\n", 1, 9, "workers: found nothing", NULL},
    {"listen: 8080\n", 1, 9, "listen: found 8080, expected host:port", NULL},
    {"listen: a:65536\n", 1, 9, "listen: found a:65536", NULL},
    {"listen: ::1:80\n", 1, 9, "listen: found ::1:80", "in brackets"},
    {"public_url: h.example.org\n", 1, 13, "public_url: found h.example.org", NULL},
    {"data_dir: ''\n", 1, 11, "data_dir: found", NULL},
    {"database: {metadata: \"mysql://u:hunter2@h/d\"}\n",
     1,
     22,
     "database.metadata: found something else",
     "postgresql://"},
    {"database: embedded\n", 1, 11, "database: found no map", NULL},
    {"pipelines: {a: b}\n", 1, 12, "pipelines: found a map", NULL},
    {"pipelines: [a/*.yaml, 5]\n", 1, 23, "pipelines: found 5", NULL},
    {"pipelines: gone.yaml\n", 0, 0, "there is no pipeline file", "Make the file"},
    {"plugins: {pin: {csv: abc}}\n", 1, 22, "plugins.pin: found abc for csv", "sha256sum"},
    {"retention: {runs_days: no}\n", 1, 24, "retention.runs_days: found no", NULL},
    {"tls: {certificate: c}\n", 0, 0, "tls: key is missing", "both"},
    {"tls: {key: c}\n", 0, 0, "tls: certificate is missing", "both"},
    {"http: {trusted_proxies: [10.0.0.0/8, 10.0.0.0/40]}\n",
     1,
     38,
     "found 10.0.0.0/40",
     "10.1.0.0/16"},
    {"http: {trusted_proxies: [[]]}\n", 1, 26, "http.trusted_proxies: found a list", NULL},
    {"http: {trusted_proxies: {}}\n", 1, 25, "http.trusted_proxies: found a map", NULL},
    {"outbound: {allow_private: [10.0.0.0/40]}\n",
     1,
     28,
     "outbound.allow_private: found 10.0.0.0/40",
     NULL},
    {"outbound: {allow: []}\n", 1, 12, "unknown key \"outbound.allow\"", NULL},
    {"alerts: {dedupe_window: 2d}\n", 1, 25, "alerts.dedupe_window: found 2d", NULL},
    {"alerts: {storm_limit: 0}\n", 1, 23, "alerts.storm_limit: found 0", NULL},
    {"alerts: {channels: 3}\n", 1, 20, "alerts.channels: found 3, expected list of objects", NULL},
    {"connectors: []\n", 1, 13, "\"connectors\" comes with a later version", "Remove"},
    {"alerts: {smtp: {from: a}}\n", 1, 23, "alerts.smtp.from: found a", NULL},
    {"alerts: {smtp: {tls: ssl}}\n", 1, 22, "alerts.smtp.tls: found ssl", NULL},
    {"alerts: {smtp: {port: 0}}\n", 1, 23, "alerts.smtp.port: found 0", NULL},
    {"alerts: {smtp: {host: \"a\\nb\"}}\n", 1, 23, "alerts.smtp.host: found", NULL},
    {"alerts: {smtp: {host: a}}\n", 0, 0, "alerts.smtp: from is missing", NULL},
    {"alerts: {smtp: {from: a@b}}\n", 0, 0, "alerts.smtp: host is missing", NULL},
    {"alerts: {smtp: {host: a, from: a@b, username: u}}\n",
     0,
     0,
     "alerts.smtp: password is missing",
     NULL},
    {"alerts: {smtp: {host: a, from: a@b, password: u}}\n",
     0,
     0,
     "alerts.smtp: username is missing",
     NULL},
    {"alerts: {smtp: {host: a, from: a@b, username: u, password: p, tls: none}}\n",
     0,
     0,
     "alerts.smtp: a password is not sent without TLS",
     NULL},
    {"database: {listen: 127.0.0.1:1}\n", 1, 20, "\"database.listen\" comes with", NULL},
    {"users: 3\n", 1, 8, "users: found 3, expected list of objects", NULL},
    {"data_dir: ${HG_TEST_NOT_SET}\n", 1, 11, "HG_TEST_NOT_SET is not set", NULL},
    {"- a\n", 1, 1, "found no map", NULL},
    {"'a\n", 1, 1, "end of the file in a quoted text", NULL},
};

static void says_what_is_wrong(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        load(fixture, bad[i].yaml);
        assert_int_equal(fixture->result, HG_EINVAL);
        assert_int_equal(fixture->diagnostics.n, 1);
        const struct hg_diagnostic *first = &fixture->diagnostics.items[0];
        if (first->line != bad[i].line || first->column != bad[i].column ||
            !strstr(first->message, bad[i].said)) {
            print_error("%s  %d:%d: %s\n", bad[i].yaml, first->line, first->column, first->message);
        }
        assert_string_equal(first->file, fixture->file);
        assert_int_equal(first->line, bad[i].line);
        assert_int_equal(first->column, bad[i].column);
        assert_non_null(strstr(first->message, bad[i].said));
        assert_null(strstr(first->message, "hunter2"));
        assert_true(!bad[i].hint || (first->hint && strstr(first->hint, bad[i].hint)));
    }
}

static void places_what_the_environment_says(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(setenv("HEADGATE_WORKERS", "many", 1), 0);
    assert_int_equal(setenv("HEADGATE_LOG", "loud", 1), 0);
    load(fixture, "workers: 200\n");
    assert_int_equal(fixture->result, HG_EINVAL);
    assert_int_equal(fixture->diagnostics.n, 3);
    assert_string_equal(fixture->diagnostics.items[1].file,
                        "environment variable HEADGATE_WORKERS");
    assert_string_equal(fixture->diagnostics.items[2].message,
                        "HEADGATE_LOG: found loud, expected debug, info, warning or error");
}

static void names_a_missing_file(void **state)
{
    struct fixture *fixture = *state;
    fixture->result =
        hg_host_config_load("/nowhere/h.yaml", &fixture->config, &fixture->diagnostics, NULL);
    assert_int_equal(fixture->result, HG_EINVAL);
    assert_null(fixture->config);
    assert_string_equal(fixture->diagnostics.items[0].message,
                        "cannot open \"/nowhere/h.yaml\": No such file or directory");
}

static void works_without_a_file(void **state)
{
    struct fixture *fixture = *state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(fixture->folder), 0);
    fixture->result = hg_host_config_load(NULL, &fixture->config, &fixture->diagnostics, NULL);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(fixture->result, HG_OK);
    assert_null(fixture->config->file);
    expect_path(fixture, fixture->config->data_dir, "/data");
}

/* docs/configuration.md holds the table that the program prints. */
static void documentation_matches_the_table(void **state)
{
    (void)state;
    const char *source = getenv("HG_SOURCE_DIR");
    HG_CLEANUP(hg_buf_free) struct hg_buf path = HG_BUF_INIT;
    hg_buf_printf(&path, "%s/docs/configuration.md", source ? source : ".");
    HG_CLEANUP(hg_buf_free) struct hg_buf table = HG_BUF_INIT;
    hg_config_put_reference(&table);
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n = 0;
    assert_int_equal(hg_read_file(hg_buf_text(&path), 1 << 20, &text, &n, NULL), HG_OK);
    if (!strstr(text, hg_buf_text(&table))) {
        print_error("docs/configuration.md should hold:\n%s", hg_buf_text(&table));
    }
    assert_non_null(strstr(text, hg_buf_text(&table)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* What SIGHUP does not take over is named, whatever kind of value it has. */
static void names_what_differs(void **state)
{
    struct fixture *fixture = *state;
    static const char *const lines[] = {
        "listen: 127.0.0.1:1\n",
        "public_url: https://h.example.org\n",
        "data_dir: d\n",
        "database: {metadata: \"postgresql://u:secret@db/m\"}\n",
        "plugins: {dir: p}\n",
        "plugins: {pin: {csv: " SHA "}}\n",
        "workers: 7\n",
        "stop_grace: 3s\n",
        "files: {roots: [a]}\n",
        "http: {trusted_proxies: [10.0.0.0/8]}\n",
        "retention: {logs_days: 2}\n",
        "alerts: {smtp: {host: h.example.org, from: a@example.org, port: 465, tls: implicit}}\n"};
    static const char *const names[] = {
        "listen",
        "public_url",
        "data_dir",
        "database.metadata",
        "plugins.dir",
        "plugins.pin",
        "workers",
        "stop_grace",
        "files.roots",
        "http.trusted_proxies",
        "retention",
        "alerts.smtp.host, alerts.smtp.port, alerts.smtp.tls, alerts.smtp.from"};
    for (size_t i = 0; i < HG_COUNT(lines); i++) {
        HG_CLEANUP(hg_buf_free) struct hg_buf same = HG_BUF_INIT;
        HG_CLEANUP(hg_buf_free) struct hg_buf other = HG_BUF_INIT;
        struct hg_host_config *first = NULL;
        struct hg_host_config *plain = NULL;
        load(fixture, "{}\n");
        plain = HG_TAKE(fixture->config);
        load(fixture, lines[i]);
        first = HG_TAKE(fixture->config);
        load(fixture, lines[i]);
        hg_host_config_differences(first, fixture->config, "pipelines", &same);
        hg_host_config_differences(plain, fixture->config, "pipelines", &other);
        assert_int_equal(same.len, 0);
        if (strcmp(names[i], "listen") == 0) { /* the public address follows */
            assert_string_equal(hg_buf_text(&other), "listen, public_url");
        } else {
            assert_string_equal(hg_buf_text(&other), names[i]);
        }
        hg_host_config_free(first);
        hg_host_config_free(plain);
    }
}

/* What cannot be read does not count as empty: its users, channels or pipelines would go. */
static void says_which_folder_it_cannot_read(void **state)
{
    static const char *const folders[] = {"pipelines", "users", "channels"};
    struct fixture *fixture = *state;
    load(fixture, "{}\n");
    assert_int_equal(fixture->result, HG_OK); /* none of them is there */
    for (size_t i = 0; i < HG_COUNT(folders); i++) {
        char path[128];
        char told[256];
        (void)snprintf(path, sizeof path, "%s/%s", fixture->folder, folders[i]);
        (void)snprintf(told, sizeof told, "cannot tell the files of \"%s/*.yaml\": ", path);
        assert_int_equal(symlink(path, path), 0); /* ends nowhere, for root too */
        load(fixture, "{}\n");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(fixture->result, HG_EINVAL);
        assert_int_equal(fixture->diagnostics.n, 1);
        assert_memory_equal(fixture->diagnostics.items[0].message, told, strlen(told));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(has_defaults),
        TEST(reads_every_key),
        TEST(environment_wins),
        TEST(says_what_is_wrong),
        TEST(places_what_the_environment_says),
        TEST(names_a_missing_file),
        TEST(names_what_differs),
        TEST(says_which_folder_it_cannot_read),
        TEST(works_without_a_file),
        cmocka_unit_test(documentation_matches_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
