/*
 * Pipeline files: what they become, and what is said of bad ones. The registry is a stand-in with
 * two connectors and three rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "definition/definition.h"
#include "definition/secrets.h"
#include "scratch.h"

/* The stand-in registry ------------------------------------------------------------------------ */

static const char csv_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"path\"],\"properties\":{"
    "\"path\":{\"type\":\"string\"},\"delimiter\":{\"type\":\"string\",\"default\":\",\"},"
    "\"password\":{\"type\":\"string\",\"writeOnly\":true}}}";
static const char columns_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"columns\"],"
    "\"properties\":{\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"min\":{\"type\":\"number\"}}}";

static struct hg_plugin_info plugins[] = {
    {.kind = HG_KIND_CONNECTOR, .id = "csv"},
    {.kind = HG_KIND_CONNECTOR, .id = "db", .may_hold_secrets = true},
    {.kind = HG_KIND_RULE, .id = "not_null", .grain = HG_GRAIN_CELL},
    {.kind = HG_KIND_RULE, .id = "unique", .grain = HG_GRAIN_ROW},
    {.kind = HG_KIND_RULE, .id = "schema", .grain = HG_GRAIN_TABLE},
};

const struct hg_plugin_info *hg_plugin_find(const struct hg_plugin_registry *registry,
                                            int kind,
                                            const char *id)
{
    (void)registry;
    for (size_t i = 0; i < HG_COUNT(plugins); i++) {
        if (plugins[i].kind == kind && strcmp(plugins[i].id, id) == 0) {
            return &plugins[i];
        }
    }
    return NULL;
}

const char *hg_plugin_nearest(const struct hg_plugin_registry *registry, int kind, const char *id)
{
    (void)registry;
    if (kind == HG_KIND_CONNECTOR && strcmp(id, "cvs") == 0) {
        return "csv";
    }
    return kind == HG_KIND_RULE && strcmp(id, "not_nul") == 0 ? "not_null" : NULL;
}

static int load_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(plugins); i++) {
        bool is_source = plugins[i].kind == HG_KIND_CONNECTOR;
        plugins[i].config_schema = json_loads(is_source ? csv_schema : columns_schema, 0, NULL);
        assert_non_null(plugins[i].config_schema);
    }
    return 0;
}

static int free_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(plugins); i++) {
        json_decref((json_t *)(uintptr_t)plugins[i].config_schema);
    }
    return 0;
}

/* A folder with a pipeline file ------------------------------------------------------------------
 */

struct fixture {
    char folder[HG_SCRATCH_BYTES];
    char file[96];
    char sql[96];
    json_t *definition;
    char *id;
    struct hg_diagnostics diagnostics;
    char *said; /* the diagnostics without the folder */
    int result;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(hg_scratch_make("definition", fixture->folder), 0);
    (void)snprintf(fixture->file, sizeof fixture->file, "%s/p.yaml", fixture->folder);
    (void)snprintf(fixture->sql, sizeof fixture->sql, "%s/x.sql", fixture->folder);
    *state = fixture;
    return 0;
}

static void forget(struct fixture *fixture)
{
    json_decref(fixture->definition);
    fixture->definition = NULL;
    hg_freep(&fixture->id);
    hg_freep(&fixture->said);
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

static char *said(const struct fixture *fixture)
{
    struct hg_buf text = HG_BUF_INIT;
    for (size_t i = 0; i < fixture->diagnostics.n; i++) {
        const struct hg_diagnostic *d = &fixture->diagnostics.items[i];
        hg_buf_printf(&text,
                      "%s:%d:%d: %s%s%s\n",
                      strrchr(d->file, '/') + 1,
                      d->line,
                      d->column,
                      d->message,
                      d->hint ? " | " : "",
                      d->hint ? d->hint : "");
    }
    return hg_buf_take(&text);
}

static void read_text(struct fixture *fixture, const char *yaml, const char *sql)
{
    struct hg_error err = HG_ERROR_INIT;
    forget(fixture);
    assert_int_equal(hg_write_file(fixture->file, 0600, yaml, strlen(yaml), NULL), HG_OK);
    (void)unlink(fixture->sql);
    if (sql) {
        assert_int_equal(hg_write_file(fixture->sql, 0600, sql, strlen(sql), NULL), HG_OK);
    }
    fixture->result = hg_pipeline_definition_read(
        fixture->file, NULL, &fixture->definition, &fixture->id, &fixture->diagnostics, &err);
    fixture->said = said(fixture);
    assert_non_null(fixture->said);
}

static void expect_said(const struct fixture *fixture, const char *expected)
{
    if (!strstr(fixture->said, expected)) {
        print_error("expected: %s\nfound: %s\n", expected, fixture->said);
    }
    assert_non_null(strstr(fixture->said, expected));
    assert_int_equal(fixture->result, HG_EINVAL);
    assert_null(fixture->definition);
}

/* Good files ----------------------------------------------------------------------------------- */

static void count(void *arg, const char *key, const char *hint, const char *message)
{
    (void)key, (void)hint, (void)message;
    ++*(int *)arg;
}

/* Addresses without a password, and texts that are none, are left alone. */
static void takes_addresses(void **state)
{
    static const char *const good[] = {
        "postgresql://src@host:5432/db?sslmode=require",
        "pg://src:@host/db?password=&x",
        "pg://[::1]:5432/db",
        "/srv/a:b@c/password=x",
        "select * from users where password = 'x'",
        "host=h user=u password=",
        "host=h user=password",
        "",
    };
    json_t *config = json_object();
    int n = 0;
    (void)state;
    for (size_t i = 0; i < HG_COUNT(good); i++) {
        json_object_set_new(config, "path", json_string(good[i]));
        hg_secrets_check(hg_plugin_find(NULL, HG_KIND_CONNECTOR, "db"), config, "/", count, &n);
        assert_int_equal(n, 0);
    }
    json_object_set_new(config, "path", json_pack("{s:[s]}", "hosts", "pg://u:p@h"));
    hg_secrets_check(hg_plugin_find(NULL, HG_KIND_CONNECTOR, "db"), config, "/", count, &n);
    assert_int_equal(n, 1);
    json_decref(config);
}

/* A definition is stored and shown: it holds the name of a secret, not the secret. */
static void names_secrets(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(setenv("HG_TEST_SECRET", "hunter2", 1), 0);
    read_text(fixture,
              "id: p\njobs:\n"
              "  - {id: e, extract: {source: db, config: {path: \"${HG_TEST_SECRET}\", password: "
              "\"x${HG_TEST_SECRET}$${\"}}}\n"
              "  - {id: l, needs: [e], load: {table: s.t}}\n",
              NULL);
    assert_string_equal(fixture->said, "");
    const json_t *job = json_array_get(json_object_get(fixture->definition, "jobs"), 0);
    json_t *config = json_object_get(json_object_get(job, "extract"), "config");
    assert_string_equal(json_string_value(json_object_get(config, "password")),
                        "x${HG_TEST_SECRET}$${");
    assert_string_equal(json_string_value(json_object_get(config, "path")), "hunter2");

    struct hg_error err = HG_ERROR_INIT;
    const struct hg_plugin_info *plugin = hg_plugin_find(NULL, HG_KIND_CONNECTOR, "db");
    assert_int_equal(hg_secrets_fill(plugin, fixture->folder, config, &err), HG_OK);
    assert_string_equal(json_string_value(json_object_get(config, "password")), "xhunter2${");
    /* By a file, beside the pipeline's; and by one that is not there any more. */
    char path[128];
    (void)snprintf(path, sizeof path, "%s/secret", fixture->folder);
    assert_int_equal(hg_write_file(path, 0600, "from a file\n", 12, NULL), HG_OK);
    json_object_set_new(config, "password", json_string("${file:secret}"));
    assert_int_equal(hg_secrets_fill(plugin, fixture->folder, config, &err), HG_OK);
    assert_string_equal(json_string_value(json_object_get(config, "password")), "from a file");
    assert_int_equal(unlink(path), 0);
    json_object_set_new(config, "password", json_string("${file:secret}"));
    assert_int_equal(hg_secrets_fill(plugin, fixture->folder, config, &err), HG_EINVAL);
    assert_non_null(strstr(err.message, "\"password\": ${file:secret}: cannot open"));
    assert_non_null(strstr(err.hint, "readable for the host"));
    plugin = hg_plugin_find(NULL, HG_KIND_CONNECTOR, "csv");
    assert_int_equal(hg_secrets_fill(plugin, fixture->folder, config, &err), HG_EFORBIDDEN);
    assert_int_equal(unsetenv("HG_TEST_SECRET"), 0);
}

static const char good[] = "id: sp500-daily\n"
                           "name: S&P 500\n"
                           "schedule: \"30 22 * * 1-5\"\n"
                           "timezone: America/New_York\n"
                           "parallelism: 2\n"
                           "retries: {max: 3, backoff: 2s, max_backoff: 5m}\n"
                           "timeout: 10m\n"
                           "params:\n"
                           "  type: object\n"
                           "  properties: {since: {type: string, format: date}}\n"
                           "jobs:\n"
                           "  - id: fetch\n"
                           "    retries: 1\n"
                           "    extract: {source: csv, config: {path: data/a.csv}}\n"
                           "  - id: check\n"
                           "    needs: [fetch]\n"
                           "    check:\n"
                           "      rules:\n"
                           "        - {rule: not_null, columns: [a], severity: critical}\n"
                           "        - {rule: unique, columns: [a], on_fail: reject}\n"
                           "  - id: load\n"
                           "    needs: [check]\n"
                           "    load: {table: market.daily, mode: merge, key: [a], event_time: a}\n"
                           "  - id: monthly\n"
                           "    needs: [load]\n"
                           "    timeout: 30s\n"
                           "    transform: {sql: x.sql}\n";

static void expect_json(const json_t *value, const char *expected)
{
    HG_CLEANUP(hg_json_decrefp) json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
    assert_non_null(wanted);
    if (!json_equal(value, wanted)) {
        HG_CLEANUP(hg_freep) char *found = json_dumps(value, JSON_ENCODE_ANY);
        print_error("expected: %s\nfound: %s\n", expected, found);
    }
    assert_true(json_equal(value, wanted));
}

static const json_t *job(const struct fixture *fixture, size_t index)
{
    return json_array_get(json_object_get(fixture->definition, "jobs"), index);
}

static void makes_the_canonical_form(void **state)
{
    struct fixture *fixture = *state;
    read_text(fixture, good, "SELECT ${params.since}, ${run.id};\n");
    assert_string_equal(fixture->said, "");
    assert_int_equal(fixture->result, HG_OK);
    assert_string_equal(fixture->id, "sp500-daily");
    const json_t *d = fixture->definition;
    expect_json(json_object_get(d, "retries"),
                "{\"max\":3,\"backoff_ms\":2000,\"max_backoff_ms\":300000}");
    expect_json(json_object_get(d, "timeout_ms"), "600000");
    expect_json(json_object_get(d, "schedule"), "\"30 22 * * 1-5\"");
    expect_json(json_object_get(d, "enabled"), "true");
    assert_string_equal(json_string_value(json_object_get(d, "file")), fixture->file);
    assert_string_equal(json_string_value(json_object_get(d, "base_folder")), fixture->folder);
    expect_json(
        job(fixture, 0),
        "{\"id\":\"fetch\",\"name\":\"fetch\",\"type\":\"extract\",\"needs\":[],"
        "\"from\":null,\"retries\":{\"max\":1,\"backoff_ms\":2000,\"max_backoff_ms\":300000},"
        "\"extract\":{\"source\":\"csv\",\"config\":{\"path\":\"data/a.csv\","
        "\"delimiter\":\",\"}}}");
    expect_json(json_object_get(job(fixture, 1), "check"),
                "{\"rules\":[{\"rule\":\"not_null\",\"severity\":\"critical\",\"on_fail\":\"warn\","
                "\"config\":{\"columns\":[\"a\"]}},{\"rule\":\"unique\",\"severity\":\"error\","
                "\"on_fail\":\"reject\",\"config\":{\"columns\":[\"a\"]}}]}");
    expect_json(json_object_get(job(fixture, 1), "from"), "\"fetch\"");
    expect_json(json_object_get(job(fixture, 2), "load"),
                "{\"table\":\"market.daily\",\"mode\":\"merge\",\"key\":[\"a\"],"
                "\"event_time\":\"a\"}");
    expect_json(
        job(fixture, 3),
        "{\"id\":\"monthly\",\"name\":\"monthly\",\"type\":\"transform\","
        "\"needs\":[\"load\"],\"from\":null,\"timeout_ms\":30000,"
        "\"transform\":{\"sql\":\"SELECT (nullif(current_setting('headgate.p_params_since', "
        "true), '')::date), (nullif(current_setting('headgate.p_run_id', true), "
        "'')::uuid);\\n\",\"file\":\"x.sql\",\"params\":[{\"name\":\"params.since\","
        "\"type\":\"date\"},{\"name\":\"run.id\",\"type\":\"uuid\"}]}}");
    expect_json(json_object_get(d, "tasks"),
                "[{\"key\":\"fetch\",\"kind\":\"flow\",\"jobs\":[\"fetch\",\"check\",\"load\"],"
                "\"needs\":[]},{\"key\":\"monthly\",\"kind\":\"transform\",\"jobs\":[\"monthly\"],"
                "\"needs\":[\"fetch\"]}]");
}

static void fills_in_defaults(void **state)
{
    struct fixture *fixture = *state;
    read_text(
        fixture,
        "id: a\n"
        "jobs:\n"
        "  - {id: e, extract: {source: csv, config: {path: x}}}\n"
        "  - {id: l, from: e, load: {table: s.t}}\n"
        "  - {id: c, needs: [l], check: {table: s.t, rules: [{rule: schema, columns: []}]}}\n",
        NULL);
    assert_string_equal(fixture->said, "");
    const json_t *d = fixture->definition;
    expect_json(json_object_get(d, "name"), "\"a\"");
    expect_json(json_object_get(d, "schedule"), "null");
    expect_json(json_object_get(d, "timezone"), "\"UTC\"");
    expect_json(json_object_get(d, "parallelism"), "1");
    expect_json(json_object_get(d, "timeout_ms"), "null");
    expect_json(json_object_get(d, "params_schema"),
                "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}");
    expect_json(json_object_get(job(fixture, 1), "load"),
                "{\"table\":\"s.t\",\"mode\":\"append\",\"key\":[]}");
    /* `from` is a need as well. */
    expect_json(json_object_get(job(fixture, 1), "needs"), "[\"e\"]");
    expect_json(json_object_get(d, "tasks"),
                "[{\"key\":\"e\",\"kind\":\"flow\",\"jobs\":[\"e\",\"l\"],\"needs\":[]},"
                "{\"key\":\"c\",\"kind\":\"check_table\",\"jobs\":[\"c\"],\"needs\":[\"e\"]}]");
}

#define HEAD "id: a\njobs:\n"
#define E    "  - {id: e, extract: {source: csv, config: {path: x}}}\n"
#define L    "  - {id: l, needs: [e], load: {table: s.t}}\n"
#define STAGE(readers, mode, mixed) \
    "\"stage\":{\"readers\":[" readers "],\"mode\":\"" mode "\",\"mixed\":" mixed "}"

/* Flows are cut where rows have several readers, and where a job waits for what waits for them. */
static const struct {
    const char *jobs;
    const char *tasks;
} cuts[] = {
    {E L "  - {id: l2, needs: [e], load: {table: s.t2, mode: merge, key: [a]}}\n",
     "[{\"key\":\"e\",\"kind\":\"flow\",\"jobs\":[\"e\"],\"needs\":[]," STAGE(
         "\"l\",\"l2\"", "append", "false") "},"
                                            "{\"key\":\"l\",\"kind\":\"flow\",\"jobs\":[\"l\"],"
                                            "\"needs\":[\"e\"],\"reads\":\"e\"},"
                                            "{\"key\":\"l2\",\"kind\":\"flow\",\"jobs\":[\"l2\"],"
                                            "\"needs\":[\"e\"],\"reads\":\"e\"}]"},
    {E "  - {id: t, needs: [e], transform: {sql: x.sql}}\n"
       "  - {id: l, needs: [t], from: e, load: {table: s.t, mode: replace}}\n",
     "[{\"key\":\"e\",\"kind\":\"flow\",\"jobs\":[\"e\"],\"needs\":[]," STAGE(
         "\"l\"",
         "replace",
         "false") "},"
                  "{\"key\":\"t\",\"kind\":\"transform\",\"jobs\":[\"t\"],\"needs\":[\"e\"]},"
                  "{\"key\":\"l\",\"kind\":\"flow\",\"jobs\":[\"l\"],\"needs\":[\"t\",\"e\"],"
                  "\"reads\":\"e\"}]"},
    /* Two flows that wait for each other: one of them is cut, the other stays whole. */
    {E "  - {id: e2, extract: {source: csv, config: {path: x}}}\n"
       "  - {id: l, needs: [e2], from: e, load: {table: s.t}}\n"
       "  - {id: l2, needs: [e], from: e2, load: {table: s.t2}}\n",
     "[{\"key\":\"e\",\"kind\":\"flow\",\"jobs\":[\"e\"],\"needs\":[]," STAGE(
         "\"l\"",
         "append",
         "false") "},"
                  "{\"key\":\"e2\",\"kind\":\"flow\",\"jobs\":[\"e2\",\"l2\"],\"needs\":[\"e\"]},"
                  "{\"key\":\"l\",\"kind\":\"flow\",\"jobs\":[\"l\"],\"needs\":[\"e2\",\"e\"],"
                  "\"reads\":\"e\"}]"},
    /* A stage behind a stage, and loads that want all rows beside one that wants new ones. */
    {E "  - {id: l, needs: [e], load: {table: s.t, mode: replace}}\n"
       "  - {id: c, needs: [e], check: {rules: [{rule: not_null, columns: [a]}]}}\n"
       "  - {id: l2, needs: [c], load: {table: s.t2}}\n"
       "  - {id: l3, needs: [c], load: {table: s.t3, mode: merge, key: [a]}}\n",
     "[{\"key\":\"e\",\"kind\":\"flow\",\"jobs\":[\"e\"],\"needs\":[]," STAGE(
         "\"l\",\"c\"",
         "replace",
         "true") "},"
                 "{\"key\":\"l\",\"kind\":\"flow\",\"jobs\":[\"l\"],\"needs\":[\"e\"],\"reads\":"
                 "\"e\"},"
                 "{\"key\":\"c\",\"kind\":\"flow\",\"jobs\":[\"c\"],\"needs\":[\"e\"],\"reads\":"
                 "\"e\"," STAGE("\"l2\",\"l3\"",
                                "append",
                                "false") "},"
                                         "{\"key\":\"l2\",\"kind\":\"flow\",\"jobs\":[\"l2\"],"
                                         "\"needs\":[\"c\"],\"reads\":\"c\"},"
                                         "{\"key\":\"l3\",\"kind\":\"flow\",\"jobs\":[\"l3\"],"
                                         "\"needs\":[\"c\"],\"reads\":\"c\"}]"},
};

static void cuts_flows_at_stages(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < HG_COUNT(cuts); i++) {
        char yaml[2048];
        (void)snprintf(yaml, sizeof yaml, HEAD "%s", cuts[i].jobs);
        read_text(fixture, yaml, "select 1\n");
        assert_string_equal(fixture->said, "");
        expect_json(json_object_get(fixture->definition, "tasks"), cuts[i].tasks);
    }
}

/* Bad files ------------------------------------------------------------------------------------ */

static const struct {
    const char *yaml;
    const char *expected;
} bad[] = {
    {"schedule: * * * * *\n", "p.yaml:1:11: found a \"*\""},
    {"schedule: * * * * *\n", "quote the cron line: \"* * * * *\""},
    {"", "p.yaml:0:0: found no keys, expected a pipeline"},
    {"- a\n", "p.yaml:1:1: found no keys"},
    {"id: a\n", "p.yaml:1:1: the key \"jobs\" is missing"},
    {"id: A b\njobs: []\n",
     "p.yaml:1:5: found the text \"A b\", expected 1 to 63 of the characters a to z, 0 to 9 and -"},
    {"id: A b\njobs: []\n", "p.yaml:2:7: found a list, expected at least 1 items, not 0"},
    {"id: a\nshedule: x\njobs:\n" E L,
     "p.yaml:2:1: unknown key \"shedule\" | Did you mean \"schedule\"?"},
    {HEAD "  - {id: e, extract: {source: csv, config: {path: x}}, need: [x]}\n" L,
     "p.yaml:3:56: unknown key \"need\" | Did you mean \"needs\"?"},
    {"id: a\nparallelism: 65\njobs:\n" E L,
     "p.yaml:2:14: found the number 65, expected at most 64"},
    {"id: a\nretries: 21\njobs:\n" E L, "p.yaml:2:10: found the number 21, expected at most 20"},
    {"id: a\nretries: {max: 1, backof: 1s}\njobs:\n" E L,
     "p.yaml:2:19: unknown key \"backof\" | Did you mean \"backoff\"?"},
    {"id: a\nretries: {max: 1, backoff: 1 s}\njobs:\n" E L,
     "p.yaml:2:28: backoff: \"1 s\" is not a duration"},
    {"id: a\nretries: {backoff: 10m, max_backoff: 1m}\njobs:\n" E L,
     "p.yaml:2:10: retries: max_backoff is below backoff"},
    {"id: a\ntimeout: soon\njobs:\n" E L, "p.yaml:2:10: timeout: \"soon\" is not a duration"},
    {"id: a\ntimeout: 0s\njobs:\n" E L, "p.yaml:2:10: timeout: found no time at all"},
    {"id: a\nschedule: \"0 25 * * *\"\njobs:\n" E L,
     "p.yaml:2:11: schedule: hour: found \"25\", expected"},
    {"id: a\ntimezone: Europe/Berlim\njobs:\n" E L,
     "p.yaml:2:11: timezone: there is no time zone \"Europe/Berlim\""},
    {"id: a\ntimezone: ../passwd\njobs:\n" E L, "p.yaml:2:11: timezone: \"../passwd\" is no name"},
    {"id: a\non_failure: ops\njobs:\n" E L, "p.yaml:2:13: found the text \"ops\", expected a list"},
    {"id: a\non_failure: []\njobs:\n" E L, "p.yaml:2:13: found a list, expected at least 1 items"},
    {"id: a\non_failure: [ops, Ops]\njobs:\n" E L,
     "p.yaml:2:19: found the text \"Ops\", expected 1 to 63"},
    {"id: a\non_failure: [ops, ops]\njobs:\n" E L, "p.yaml:2:13: found"},
    {"id: a\nparams: {type: array}\njobs:\n" E L, "p.yaml:2:9: params must describe an object"},
    {"id: a\nparams:\n  type: object\n  properties: {x: {typ: string}}\njobs:\n" E L,
     "p.yaml:4:19: params: the schema uses \"typ\", which is not supported | Did you mean "
     "\"type\"?"},
    {"id: a\nparams: {type: object, properties: {a-b: {type: string}}}\njobs:\n" E L,
     "p.yaml:2:37: found the parameter \"a-b\""},
    {"id: a\nparams: {type: object, properties: {ab: {}, aB: {}}}\njobs:\n" E L,
     "differ in case only"},
    /* Jobs. */
    {HEAD E "  - {id: e, needs: [e], load: {table: s.t}}\n",
     "p.yaml:4:10: there are two jobs \"e\""},
    {HEAD E L "  - {id: x}\n", "p.yaml:5:5: job \"x\": it does nothing"},
    {HEAD "  - {id: e, extract: {source: csv, config: {path: x}}, load: {table: s.t}}\n",
     "p.yaml:3:62: job \"e\": found both extract and load"},
    {HEAD "  - {id: e, extract: {source: cvs}}\n" L,
     "p.yaml:3:31: job \"e\": there is no source \"cvs\" | Did you mean \"csv\"?"},
    {HEAD "  - {id: e, extract: {source: provider:polygon}}\n" L,
     "p.yaml:3:31: job \"e\": market-data providers come with a later version"},
    {HEAD "  - {id: e, extract: {source: csv, config: {pat: x}}}\n" L,
     "p.yaml:3:45: job \"e\", csv: unknown key \"pat\" | Did you mean \"path\"?"},
    {HEAD "  - {id: e, extract: {source: csv, config: {pat: x}}}\n" L,
     "p.yaml:3:44: job \"e\", csv: the key \"path\" is missing"},
    {HEAD "  - {id: e, extract: {source: csv}}\n" L,
     "p.yaml:3:22: job \"e\", csv: the key \"path\" is missing"},
    {HEAD "  - {id: e, extract: {source: csv, config: {path: x, password: y}}}\n" L,
     "p.yaml:3:64: job \"e\": \"password\" is a secret, which the plugin csv is not given"},
    {HEAD "  - {id: e, extract: {source: db, config: {path: x, password: y}}}\n" L,
     "p.yaml:3:63: job \"e\": \"password\" is a secret, and pipeline files are stored in the clear"
     " | Write ${NAME}"},
    {HEAD "  - {id: e, extract: {source: db, config: {path: x, password: \"$${a}\"}}}\n" L,
     "p.yaml:3:63: job \"e\": \"password\" is a secret, and pipeline files are stored in the "
     "clear"},
    {HEAD "  - {id: e, extract: {source: db, config: {path: x, password: [a]}}}\n" L,
     "p.yaml:3:63: job \"e\": \"password\" is a secret, and pipeline files are stored in the "
     "clear"},
    {HEAD "  - {id: e, extract: {source: db, config: {path: x, password: \"${HG_NOT_SET}\"}}}\n" L,
     "p.yaml:3:63: job \"e\": \"password\": the environment variable HG_NOT_SET is not set | Set "
     "it"},
    {HEAD
     "  - {id: e, extract: {source: db, config: {path: \"postgresql://src:srcpw@host/db\"}}}\n" L,
     "p.yaml:3:50: job \"e\": the path holds a password, and pipeline files are stored in the clear"
     " | Give it as password: ${VAR} or ${file:PATH}."},
    {HEAD "  - {id: e, extract: {source: db, config: {path: \"pg://src:p?w@h\"}}}\n" L,
     "p.yaml:3:50: job \"e\": the path holds a password, and pipeline files are stored in the clear"
     " | Give it as password: ${VAR} or ${file:PATH}."},
    {HEAD "  - {id: e, extract: {source: db, config: {path: \"pg://h/db?a=b&pass%77ord=x\"}}}\n" L,
     "p.yaml:3:50: job \"e\": the path holds a password, and pipeline files are stored in the clear"
     " | Give it as password: ${VAR} or ${file:PATH}."},
    {HEAD "  - {id: e, extract: {source: db, config: {path: \"pg://h/db?sslpassword=x\"}}}\n" L,
     "p.yaml:3:50: job \"e\": the path holds a password, and pipeline files are stored in the clear"
     " | Give it as password: ${VAR} or ${file:PATH}."},
    {HEAD "  - {id: e, extract: {source: db, config: {path: \"host=h password = x\"}}}\n" L,
     "p.yaml:3:50: job \"e\": the path holds a password, and pipeline files are stored in the clear"
     " | Give it as password: ${VAR} or ${file:PATH}."},
    {HEAD
     "  - {id: e, extract: {source: db, config: {path: \"host='a b' user=u PASSWORD='x'\"}}}\n" L,
     "p.yaml:3:50: job \"e\": the path holds a password, and pipeline files are stored in the clear"
     " | Give it as password: ${VAR} or ${file:PATH}."},
    {HEAD "  - {id: e, extract: {source: csv, config: {path: \"${HG_NOT_SET}\"}}}\n" L,
     "p.yaml:3:51: the environment variable HG_NOT_SET is not set"},
    {HEAD E L "  - {id: c, check: {table: s.t, rules: [{rule: not_nul}]}}\n",
     "p.yaml:5:48: job \"c\": there is no rule \"not_nul\" | Did you mean \"not_null\"?"},
    {HEAD E "  - {id: c, needs: [e], check: {rules: [{rule: unique, columns: [a], min: x}]}}\n"
            "  - {id: l, needs: [c], load: {table: s.t}}\n",
     "p.yaml:4:75: job \"c\", unique: found the text \"x\", expected a number"},
    {HEAD E
     "  - {id: c, needs: [e], check: {rules: [{rule: unique, columns: [a], severity: bad}]}}\n"
     "  - {id: l, needs: [c], load: {table: s.t}}\n",
     "p.yaml:4:80: found the text \"bad\", expected one of \"info\""},
    {HEAD E
     "  - {id: c, needs: [e], check: {rules: [{rule: schema, columns: [], on_fail: reject}]}}\n"
     "  - {id: l, needs: [c], load: {table: s.t}}\n",
     "p.yaml:4:78: job \"c\": the rule schema judges the data as a whole"},
    {HEAD E L
     "  - {id: c, check: {table: s.t, rules: [{rule: unique, columns: [], on_fail: reject}]}}\n",
     "job \"c\": rows that are stored already can't be rejected"},
    {HEAD E "  - {id: l, needs: [e], load: {table: prices}}\n",
     "p.yaml:4:39: job \"l\": found the table \"prices\", expected schema.table"},
    {HEAD E "  - {id: l, needs: [e], load: {table: headgate.x}}\n", "belongs to the system"},
    {HEAD E "  - {id: l, needs: [e], load: {table: s.t, mode: merge}}\n",
     "p.yaml:4:50: job \"l\": mode merge needs a key"},
    {HEAD E "  - {id: l, needs: [e], load: {table: s.t, mode: mrge, key: [a]}}\n",
     "p.yaml:4:50: found the text \"mrge\", expected one of \"append\", \"replace\", \"merge\" | "
     "Did "
     "you mean \"merge\"?"},
    {HEAD E "  - {id: l, needs: [e], load: {table: s.t, key: [a]}}\n",
     "p.yaml:4:49: job \"l\": a key only counts for mode merge"},
    {HEAD E L "  - {id: t, needs: [l], transform: {sql: gone.sql}}\n",
     "p.yaml:5:42: job \"t\": cannot open"},
    /* The graph. */
    {HEAD "  - {id: fetch, extract: {source: csv, config: {path: x}}}\n"
          "  - {id: l, needs: [fecth], load: {table: s.t}}\n",
     "p.yaml:4:21: job \"l\": there is no job \"fecth\" | Did you mean \"fetch\"?"},
    {HEAD E L "  - {id: t, needs: [t], transform: {sql: x.sql}}\n", "job \"t\": it needs itself"},
    {HEAD E L "  - {id: a, needs: [b], transform: {sql: x.sql}}\n"
              "  - {id: b, needs: [c], transform: {sql: x.sql}}\n"
              "  - {id: c, needs: [a, l], transform: {sql: x.sql}}\n",
     "p.yaml:5:20: job \"a\": jobs wait for each other: a -> b -> c -> a"},
    {HEAD E "  - {id: l, load: {table: s.t}}\n",
     "p.yaml:4:5: job \"l\": a load needs a data input"},
    {HEAD E "  - {id: e2, extract: {source: csv, config: {path: x}}}\n"
            "  - {id: l, needs: [e, e2], load: {table: s.t}}\n",
     "p.yaml:5:20: job \"l\": both \"e\" and \"e2\" could be its data input"},
    {HEAD E L "  - {id: e2, extract: {source: csv, config: {path: x}}}\n",
     "p.yaml:5:5: job \"e2\": nothing loads its rows"},
    {HEAD E L "  - {id: l2, from: l, load: {table: s.t2}}\n",
     "p.yaml:5:20: job \"l2\": \"l\" is a load, which hands no rows on"},
    {HEAD E L "  - {id: t, from: e, transform: {sql: x.sql}}\n",
     "p.yaml:5:19: job \"t\": a transform has no data input"},
};

static void says_what_is_wrong(void **state)
{
    struct fixture *fixture = *state;
    int n_missing = 0;
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        read_text(fixture, bad[i].yaml, "SELECT 1;\n");
        if (fixture->result != HG_EINVAL || fixture->definition ||
            !strstr(fixture->said, bad[i].expected)) {
            print_error(
                "expected: %s\nfound: %d %s\n", bad[i].expected, fixture->result, fixture->said);
            n_missing++;
        }
    }
    assert_int_equal(n_missing, 0);
}

static void places_errors_of_sql_in_the_sql_file(void **state)
{
    struct fixture *fixture = *state;
    read_text(fixture,
              HEAD E L "  - {id: t, needs: [l], transform: {sql: x.sql}}\n",
              "SELECT 1;\nSELECT ${params.gone};\n  COMMIT;\n");
    expect_said(fixture, "x.sql:2:8: there is no value ${params.gone}");
    expect_said(fixture, "x.sql:3:3: found COMMIT, which controls the transaction");
}

static void says_everything_at_once(void **state)
{
    struct fixture *fixture = *state;
    read_text(fixture,
              "id: a\nschedule: \"x\"\ntimeout: y\nwrong: 1\njobs:\n"
              "  - {id: e, extract: {source: nope}}\n"
              "  - {id: l, needs: [zzzzzz], load: {table: t}}\n",
              NULL);
    expect_said(fixture, "p.yaml:2:11: schedule:");
    expect_said(fixture, "p.yaml:3:10: timeout:");
    expect_said(fixture, "p.yaml:4:1: unknown key \"wrong\"");
    expect_said(fixture, "p.yaml:6:31: job \"e\": there is no source \"nope\"");
    expect_said(fixture, "p.yaml:7:21: job \"l\": there is no job \"zzzzzz\"");
    expect_said(fixture, "p.yaml:7:44: job \"l\": found the table \"t\"");
    assert_int_equal(fixture->diagnostics.n, 6);
}

static void names_a_broken_file_by_its_id(void **state)
{
    struct fixture *fixture = *state;
    read_text(fixture, "id: still-known\nname: [x\njobs: 1\n", NULL);
    assert_int_equal(fixture->result, HG_EINVAL);
    assert_string_equal(fixture->id, "still-known");
    read_text(fixture, "id: Not A Slug\njobs: 1\n", NULL);
    assert_null(fixture->id);
}

static void fills_in_variables(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(setenv("HG_TEST_PATH", "filled/in.csv", 1), 0);
    read_text(fixture,
              HEAD "  - {id: e, extract: {source: csv, config: {path: \"${HG_TEST_PATH}\"}}}\n" L,
              NULL);
    assert_string_equal(fixture->said, "");
    expect_json(json_object_get(json_object_get(job(fixture, 0), "extract"), "config"),
                "{\"path\":\"filled/in.csv\",\"delimiter\":\",\"}");
}

static void refuses_an_id_twice(void **state)
{
    struct fixture *fixture = *state;
    HG_CLEANUP(hg_json_decrefp) json_t *seen = json_object();
    const char yaml[] = HEAD E L;
    assert_int_equal(hg_write_file(fixture->file, 0600, yaml, strlen(yaml), NULL), HG_OK);
    for (int i = 0; i < 2; i++) {
        forget(fixture);
        fixture->result = hg_pipeline_definition_read_next(fixture->file,
                                                           NULL,
                                                           seen,
                                                           &fixture->definition,
                                                           &fixture->id,
                                                           &fixture->diagnostics,
                                                           NULL);
        fixture->said = said(fixture);
        assert_int_equal(fixture->result, i == 0 ? HG_OK : HG_EINVAL);
    }
    expect_said(fixture, "p.yaml:1:5: the pipeline \"a\" stands in ");
    expect_said(fixture, "p.yaml:1 already");
}

static void says_so_when_the_file_is_missing(void **state)
{
    struct fixture *fixture = *state;
    fixture->result = hg_pipeline_definition_read(
        "/nowhere/p.yaml", NULL, &fixture->definition, &fixture->id, &fixture->diagnostics, NULL);
    fixture->said = said(fixture);
    expect_said(fixture, "p.yaml:0:0: cannot open \"/nowhere/p.yaml\": No such file");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_the_canonical_form),
        TEST(fills_in_defaults),
        TEST(cuts_flows_at_stages),
        TEST(says_what_is_wrong),
        TEST(places_errors_of_sql_in_the_sql_file),
        TEST(says_everything_at_once),
        TEST(names_a_broken_file_by_its_id),
        TEST(fills_in_variables),
        TEST(names_secrets),
        TEST(takes_addresses),
        TEST(refuses_an_id_twice),
        TEST(says_so_when_the_file_is_missing),
    };
    return cmocka_run_group_tests(tests, load_schemas, free_schemas);
}
