/*
 * The host's configuration: headgate.yaml, environment variables (which win), defaults.
 */
#ifndef HG_CONFIG_HOST_CONFIG_H
#define HG_CONFIG_HOST_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "config/diagnostics.h"
#include "config/objects.h"

/* All paths absolute. Owned by hg_host_config_free. */
struct hg_host_config {
    char *file; /* NULL when there is none */
    char *listen_host;
    int listen_port;
    char *public_url;
    char *data_dir;
    char *metadata_url;    /* NULL: embedded */
    char *warehouse_url;   /* NULL: embedded, or the same server as metadata_url */
    char **pipeline_files; /* globs expanded, sorted, ended by NULL */
    char **pipeline_globs; /* as given, absolute, ended by NULL */
    char *plugin_dir;
    json_t *plugin_pins; /* object id -> sha256 hex, empty when not given */
    int workers;
    int64_t stop_grace_ms; /* for running tasks, once the host is asked to stop */
    int64_t checkpoint_ms; /* how often a long load commits on its way, where it may */
    int quarantine_rows;   /* rejected rows that a flow's attempt keeps, the others are counted */
    char **file_roots;     /* ended by NULL */
    char *tls_certificate; /* PEM; NULL: plain HTTP */
    char *tls_key;
    char **trusted_proxies; /* networks, ended by NULL; NULL: none */
    char *web_dir;          /* frontend/dist beside the binary or the sources; NULL when absent */
    char *master_key_file;  /* NULL: <data_dir>/master.key */
    int log_level;
    bool log_json;
    json_t *retention;    /* days by kind */
    char **allow_private; /* networks, ended by NULL; NULL: none */
    int64_t alert_window_ms;
    int alert_storm_limit;
    char *smtp_host; /* NULL: there is no mail */
    int smtp_port;
    int smtp_tls;        /* an index of hg_config_smtp_tls */
    char *smtp_from;     /* not NULL where there is a host */
    char *smtp_username; /* NULL: does not sign in */
    char *smtp_password;
    char *smtp_ca_file; /* NULL: the system's */
    /* Bodies from files; hold secrets until they are forgotten. */
    struct hg_objects users;
    struct hg_objects channels;
    struct hg_object_trees object_trees; /* what these borrow from */
};

/* "starttls", "implicit", "none"; ended by NULL. The first is the default. */
extern const char *const hg_config_smtp_tls[];

/*
 * Reads `path` (NULL: ./headgate.yaml when it is there, else only defaults) and the environment.
 * Every problem goes to `diagnostics`; HG_EINVAL when there was an error among them.
 */
int hg_host_config_load(const char *path,
                        struct hg_host_config **ret,
                        struct hg_diagnostics *diagnostics,
                        struct hg_error *err);
void hg_host_config_free(struct hg_host_config *config);
/* Drops `users` and `channels` once they are applied, and wipes what they held. */
void hg_host_config_forget_objects(struct hg_host_config *config);

#endif
