#include "config/host_config_keys.h"

#include <stddef.h>

#include "config/host_config_set.h"

#define FIELD(name) offsetof(struct hg_host_config, name)

/* A key that belongs to a later version and is refused until then. */
#define LATER(path, type, doc)                                  \
    {                                                           \
        path, NULL, type, "", doc, hg_config_set_later, 0, 0, 0 \
    }

const struct hg_config_key hg_config_keys[] = {
    {"listen",
     "HEADGATE_LISTEN",
     "host:port",
     "127.0.0.1:8080",
     "Where the HTTP server listens. Port 0 takes a free one.",
     hg_config_set_listen,
     0,
     0,
     0},
    {"public_url",
     NULL,
     "URL",
     "http://<listen>",
     "What others reach this host by; made of it: links, and whether cookies are Secure.",
     hg_config_set_url,
     FIELD(public_url),
     0,
     0},
    {"data_dir",
     "HEADGATE_DATA_DIR",
     "path",
     "data",
     "The only folder the host writes to: cluster, keys, logs, control socket.",
     hg_config_set_path,
     FIELD(data_dir),
     0,
     0},
    {"database.metadata",
     "HEADGATE_DATABASE_URL",
     "embedded or a postgresql:// URL",
     "embedded",
     "Where definitions, runs and the queue are kept. embedded: a private cluster in the data dir.",
     hg_config_set_database,
     FIELD(metadata_url),
     0,
     0},
    {"database.warehouse",
     "HEADGATE_WAREHOUSE_URL",
     "embedded or a postgresql:// URL",
     "the server of database.metadata, database <name>_warehouse",
     "Where pipelines load to.",
     hg_config_set_database,
     FIELD(warehouse_url),
     0,
     0},
    LATER("database.listen", "host:port", "Opens the embedded warehouse to readers."),
    {"pipelines",
     NULL,
     "path with wildcards, or a list of them",
     "pipelines/*.yaml",
     "The pipeline files.",
     hg_config_set_paths,
     FIELD(pipeline_globs),
     0,
     0},
    {"plugins.dir",
     "HEADGATE_PLUGIN_DIR",
     "path",
     "plugins beside the program",
     "The folder of plugins (*.so).",
     hg_config_set_path,
     FIELD(plugin_dir),
     0,
     0},
    {"plugins.pin",
     NULL,
     "map of plugin id to SHA-256",
     "{}",
     "When given, only these files load, and only with this content.",
     hg_config_set_pins,
     0,
     0,
     0},
    {"workers",
     "HEADGATE_WORKERS",
     "number, 1 to 64",
     "2",
     "How many worker processes run tasks.",
     hg_config_set_int,
     FIELD(workers),
     1,
     64},
    {"stop_grace",
     NULL,
     "duration, 0s to 1h",
     "20s",
     "How long running tasks may go on once the host is asked to stop; then they are cancelled and "
     "taken up at the next start. A second signal ends the host at once.",
     hg_config_set_duration,
     FIELD(stop_grace_ms),
     0,
     3600},
    {"checkpoint",
     NULL,
     "duration, 0s to 1d",
     "1m",
     "How often a long load commits what it has, where it may: append or merge, from a source with "
     "a "
     "cursor, without a rule that rejects or stops at the end. 0s: only at the end.",
     hg_config_set_duration,
     FIELD(checkpoint_ms),
     0,
     86400},
    {"files.roots",
     NULL,
     "list of paths",
     "[.]",
     "What file paths given through the API may reach.",
     hg_config_set_paths,
     FIELD(file_roots),
     0,
     0},
    {"retention.runs_days",
     NULL,
     "days, 1 to 36500",
     "90",
     "How long runs are kept.",
     hg_config_set_days,
     0,
     1,
     36500},
    {"retention.logs_days",
     NULL,
     "days, 1 to 36500",
     "30",
     "How long job logs are kept.",
     hg_config_set_days,
     0,
     1,
     36500},
    {"retention.quarantine_days",
     NULL,
     "days, 1 to 36500",
     "30",
     "How long rejected rows are kept.",
     hg_config_set_days,
     0,
     1,
     36500},
    LATER("retention.answers_days", "days", "How long providers' answers are kept."),
    LATER("retention.webhooks_days", "days", "How long webhook requests are kept."),
    LATER("tls", "map", "Certificate and key of the HTTP server."),
    LATER("http.trusted_proxies", "list of networks", "Whose X-Forwarded-For is believed."),
    LATER("outbound", "map", "What the host's HTTP client may reach."),
    LATER("providers", "map", "Settings of market-data providers."),
    LATER("alerts", "map", "Where alerts go."),
    LATER("connectors", "list", "Configured connectors."),
    LATER("webhooks", "map or list", "Limits of webhooks, and webhooks themselves."),
    LATER("subscriptions", "list", "Subscriptions to feeds."),
    LATER("users", "list", "Who may sign in."),
    {NULL,
     "HEADGATE_ADMIN_PASSWORD",
     "text",
     "generated",
     "First start only: the password of the user admin. A generated one is printed once on a "
     "terminal, else written to a file in the data dir.",
     NULL,
     0,
     0,
     0},
    {NULL,
     "HEADGATE_MASTER_KEY_FILE",
     "path",
     "<data_dir>/master.key",
     "The file of master keys, which secrets are sealed with. Without this it is made with the "
     "first "
     "secret.",
     hg_config_set_path,
     FIELD(master_key_file),
     0,
     0},
    {NULL,
     "HEADGATE_LOG",
     "debug, info, warning or error",
     "info",
     "Log lines below this level are dropped.",
     hg_config_set_log_level,
     0,
     0,
     0},
    {NULL,
     "HEADGATE_LOG_FORMAT",
     "text or json",
     "text",
     "The form of log lines.",
     hg_config_set_log_format,
     0,
     0,
     0},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0},
};

static void put_code(struct hg_buf *buf, const char *text)
{
    if (text && text[0]) {
        hg_buf_printf(buf, " `%s` |", text);
    } else {
        hg_buf_puts(buf, "  |");
    }
}

void hg_config_put_reference(struct hg_buf *buf)
{
    hg_buf_puts(buf, "| key | environment | type | default | meaning |\n");
    hg_buf_puts(buf, "| --- | --- | --- | --- | --- |\n");
    for (const struct hg_config_key *key = hg_config_keys; key->path || key->environment; key++) {
        bool later = key->set == hg_config_set_later;
        hg_buf_putc(buf, '|');
        put_code(buf, key->path);
        put_code(buf, key->environment);
        hg_buf_printf(buf, " %s |", key->type);
        put_code(buf, key->fallback);
        hg_buf_printf(buf, " %s%s |\n", key->doc, later ? " (In a later version.)" : "");
    }
}
